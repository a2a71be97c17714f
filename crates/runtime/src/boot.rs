//! Which start of the system this is.

/// Names this start of the system: what was written before another may never have reached the disk. `None` where the system
/// does not tell (all but Linux).
pub fn id() -> Option<String> {
    let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    Some(id.trim().to_owned())
}
