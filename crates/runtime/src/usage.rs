//! What this process takes of its machine.

use std::time::Duration;

/// Processor time that all threads of the process have used so far, in user space and in the kernel, where the system
/// tells.
pub fn cpu_time() -> Option<Duration> {
    #[cfg(unix)]
    {
        use nix::sys::resource::{UsageWho, getrusage};
        use nix::sys::time::TimeValLike;
        let usage = getrusage(UsageWho::RUSAGE_SELF).ok()?;
        let micros = (usage.user_time() + usage.system_time()).num_microseconds();
        Some(Duration::from_micros(micros.unsigned_abs()))
    }
    #[cfg(not(unix))]
    None
}

/// Memory that the process has in use, in bytes, where the system tells (Linux).
pub fn resident_bytes() -> Option<u64> {
    #[cfg(target_os = "linux")]
    {
        let status = std::fs::read_to_string("/proc/self/status").ok()?;
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))?;
        let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
        Some(kib * 1024)
    }
    #[cfg(not(target_os = "linux"))]
    None
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::hint::black_box;

    use super::*;

    #[test]
    fn time_and_memory_are_told() {
        let before = cpu_time().unwrap();
        let mut turns = 0_u64;
        while cpu_time().unwrap() == before {
            turns = black_box(turns + 1);
        }
        let before = resident_bytes().unwrap();
        let much = black_box(vec![1_u8; 64 << 20]);
        assert!(resident_bytes().unwrap() > before + (32 << 20));
        drop(much);
    }
}
