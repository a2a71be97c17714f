//! Loading with wrk: how it is called, and what it says at the end.

use std::fs;
use std::net::SocketAddrV4;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use super::site::{File, MANY, Site};
use crate::child::words;

/// What wrk is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Load {
    pub(super) file: File,
    pub(super) connections: u32,
    pub(super) after: After,
    pub(super) seconds: u32,
}

/// What becomes of a connection after a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum After {
    /// The next.
    Another,
    /// It is closed.
    Close,
}

/// What came of it.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq)]
pub(super) struct Answered {
    pub(super) requests_per_s: f64,
    pub(super) p50_us: f64,
    pub(super) p99_us: f64,
    /// Those with a status from 400 on.
    refused: u64,
    /// Those that failed otherwise.
    failed: u64,
    pub(super) requests: u64,
}

/// Says as JSON what wrk would say in words; its latencies are in µs.
const DONE: &str = r#"done = function(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format('\n{"requests_per_s":%f,"p50_us":%f,"p99_us":%f,"refused":%d,"failed":%d,"requests":%d}\n',
    summary.requests / summary.duration * 1e6, latency:percentile(50), latency:percentile(99), errors.status,
    errors.connect + errors.read + errors.write + errors.timeout, summary.requests))
end
"#;

impl Load {
    /// The arguments of one run.
    pub(super) fn arguments(&self, server: SocketAddrV4, site: &Site) -> Result<Vec<String>> {
        let script = self.script(site)?;
        let (connections, seconds) = (self.connections, self.seconds);
        let mut arguments = words(&format!("-t1 -c{connections} -d{seconds}s -s"));
        arguments.push(script.to_string_lossy().into_owned());
        if self.after == After::Close {
            arguments.extend(["-H".to_owned(), "Connection: close".to_owned()]);
        }
        arguments.push(format!("http://{server}{}", self.file.path()));
        Ok(arguments)
    }

    fn script(&self, site: &Site) -> Result<PathBuf> {
        let path = site.settings().join("wrk.lua");
        let many = format!(
            "local all, last = {{}}, 0
init = function(args)
  for n = 0, {last} do all[n] = wrk.format('GET', '/many/' .. n .. '.html') end
end
request = function()
  last = (last + 1) % {MANY}
  return all[last]
end
",
            last = MANY - 1
        );
        let before = if self.file == File::Many { &*many } else { "" };
        fs::write(&path, format!("{before}{DONE}"))?;
        Ok(path)
    }

    /// What wrk said.
    pub(super) fn read(&self, said: &str) -> Result<Answered> {
        let line = said.lines().find(|line| line.starts_with('{'));
        let line = line.context("wrk does not say what came of it")?;
        let answered: Answered = serde_json::from_str(line)?;
        let expected = match self.file {
            File::Missing => answered.requests,
            _ => 0,
        };
        ensure!(answered.requests > 0, "nothing was answered");
        ensure!(
            answered.refused == expected,
            "{} of {} requests were refused",
            answered.refused,
            answered.requests
        );
        Ok(answered)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn load(file: File) -> Load {
        Load {
            file,
            connections: 64,
            after: After::Another,
            seconds: 1,
        }
    }

    #[test]
    fn what_wrk_says_is_read() {
        let said = "Running 1s test\n  Requests/sec: 2\n\n{\"requests_per_s\":2.5,\"p50_us\":70,\"p99_us\":90.0,\"refused\":5,\"failed\":0,\"requests\":5}\n";
        let missing = load(File::Missing).read(said).unwrap();
        assert_eq!((missing.requests_per_s, missing.p50_us), (2.5, 70.0));
        let error = load(File::Small).read(said).unwrap_err().to_string();
        assert!(error.contains("5 of 5 requests were refused"), "{error}");
        assert!(load(File::Small).read("Running").is_err());
    }
}
