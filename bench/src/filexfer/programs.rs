//! Which of the programs are there, and where they lie.

use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use serde::Serialize;

use super::network::Network;
use super::program::Program;
use super::{Args, Part};
use crate::installed::{self, Installed};

/// Where the programs lie, and which are there at all.
#[derive(Serialize)]
pub(crate) struct Programs {
    pub(super) ours: Installed,
    ssh: Option<Installed>,
    /// It wants to be called by its whole path.
    #[serde(skip)]
    sshd: Option<PathBuf>,
    rsync: Option<Installed>,
    nginx: Option<Installed>,
    curl: Option<Installed>,
    openssl: Option<Installed>,
    croc: Option<Installed>,
    wormhole: Option<Installed>,
    /// It has the servers of wormhole.
    #[serde(skip)]
    twist: Option<Installed>,
    socat: Option<Installed>,
    nc: Option<Installed>,
    pub(super) network: Network,
}

impl Programs {
    /// Looks for all of them; only ours has to be there.
    pub(crate) fn find(args: &Args, network: Network) -> Result<Self> {
        let find = |name: &str, version| Installed::find(Path::new(name), version);
        let wormhole = args.wormhole.as_deref().unwrap_or(Path::new("wormhole"));
        let croc = args.croc.as_deref().unwrap_or(Path::new("croc"));
        let socat = find("socat", "-V")?;
        let twist = Installed::find(&wormhole.with_file_name("twist"), "--help")?;
        let has_servers =
            |twist: &Installed| twist.says("wormhole-mailbox") && twist.says("transitrelay");
        Ok(Self {
            ours: Installed::filexfer(args.filexfer.as_deref())?,
            ssh: find("ssh", "-V")?,
            sshd: sshd(),
            rsync: find("rsync", "--version")?,
            nginx: find_server("nginx", "-V")?,
            curl: find("curl", "--version")?.map(|curl| curl.of_words(2)),
            openssl: find("openssl", "version")?,
            croc: Installed::find(croc, "--version")?,
            wormhole: Installed::find(wormhole, "--version")?,
            twist: twist.filter(has_servers),
            socat: socat.map(|socat| socat.whose_version_has("socat version")),
            nc: find("nc", "-h")?.filter(|nc| nc.says("OpenBSD")),
            network,
        })
    }

    /// What the report says of a program that cannot take part.
    pub(crate) fn missing(&self, part: Part, program: Program) -> Option<&'static str> {
        let is_own = self.network == Network::Own;
        if part == Part::Link && !is_own {
            return Some("needs the right to make a network");
        }
        let (is_there, cure) = match program {
            Program::Ours(_) => (true, ""),
            Program::Scp(_) | Program::Tar => (
                self.ssh.is_some() && self.sshd.is_some(),
                "not installed (apt install openssh-server)",
            ),
            Program::Rsync(_) => (self.rsync.is_some(), "not installed (apt install rsync)"),
            Program::Nginx => (
                self.nginx.is_some() && self.curl.is_some() && self.openssl.is_some(),
                "not installed (apt install nginx curl openssl)",
            ),
            // It asks public name servers and relays, whatever it is told.
            Program::Croc if !is_own => (false, "needs the right to make a network"),
            Program::Croc => (self.croc.is_some(), "not installed (see README.md)"),
            Program::Wormhole => (
                self.wormhole.is_some() && self.twist.is_some(),
                "not installed (see README.md)",
            ),
            Program::Socat => (self.socat.is_some(), "not installed (apt install socat)"),
            Program::Nc => (
                self.nc.is_some(),
                "not installed (apt install netcat-openbsd)",
            ),
        };
        (!is_there).then_some(cure)
    }

    /// Where a program lies, or by what name it is found.
    pub(crate) fn path<'a>(&'a self, name: &'a str) -> &'a Path {
        let installed = match name {
            "croc" => &self.croc,
            "wormhole" => &self.wormhole,
            "twist" => &self.twist,
            "nginx" => &self.nginx,
            "sshd" => return self.sshd.as_deref().unwrap_or(Path::new(name)),
            "filexfer" => return self.ours.path(),
            _ => &None,
        };
        installed.as_ref().map_or(Path::new(name), Installed::path)
    }

    /// Whether nginx has a module.
    pub(crate) fn nginx_has(&self, module: &str) -> bool {
        let without = format!("--without-http_{module}_module");
        !self
            .nginx
            .as_ref()
            .is_some_and(|nginx| nginx.says(&without))
    }

    /// Whether this is the croc that takes its code from the environment.
    pub(crate) fn croc_hides_its_code(&self) -> bool {
        let is_old = |croc: &Installed| ["v8.", "v9."].iter().any(|version| croc.says(version));
        !self.croc.as_ref().is_some_and(is_old)
    }

    /// The versions of those that are there.
    pub(crate) fn versions(&self) -> String {
        installed::versions([
            Some(&self.ours),
            self.ssh.as_ref(),
            self.rsync.as_ref(),
            self.nginx.as_ref(),
            self.curl.as_ref(),
            self.croc.as_ref(),
            self.wormhole.as_ref(),
            self.socat.as_ref(),
            self.nc.as_ref(),
        ])
    }
}

/// Where servers lie, which are not in everybody's path.
const SERVERS: [&str; 3] = ["/usr/sbin", "/usr/local/sbin", "/sbin"];

fn sshd() -> Option<PathBuf> {
    let paths = SERVERS.map(|folder| Path::new(folder).join("sshd"));
    paths.into_iter().find(|path| path.exists())
}

fn find_server(name: &str, version: &str) -> Result<Option<Installed>> {
    if let Some(found) = Installed::find(Path::new(name), version)? {
        return Ok(Some(found));
    }
    let paths = SERVERS.map(|folder| Path::new(folder).join(name));
    match paths.iter().find(|path| path.exists()) {
        Some(path) => Installed::find(path, version),
        None => Ok(None),
    }
}

/// Makes sure that a program that was called to set something up did it.
pub(super) fn ensure_done(mut command: std::process::Command) -> Result<()> {
    let done = command.output()?;
    let (program, said) = (command.get_program().display(), &done.stderr);
    let said = String::from_utf8_lossy(said);
    ensure!(done.status.success(), "{program} failed: {}", said.trim());
    Ok(())
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::program::{Ours, Rsync, Scp};
    use super::*;

    /// Some that are there and some that are not.
    pub(crate) fn sample(network: Network) -> Programs {
        let there = |name: &str| Some(Installed::of(name, &format!("{name} 1")));
        Programs {
            ours: Installed::of("filexfer", "filexfer 1"),
            ssh: there("ssh"),
            sshd: Some("/usr/sbin/sshd".into()),
            rsync: None,
            nginx: there("nginx"),
            curl: None,
            openssl: there("openssl"),
            croc: Some(Installed::of("/opt/croc", "croc version v10.2.1")),
            wormhole: there("wormhole"),
            twist: there("twist"),
            socat: there("socat"),
            nc: None,
            network,
        }
    }

    #[test]
    fn what_is_missing_is_told_with_its_cure() {
        let programs = sample(Network::Own);
        for (program, cure) in [
            (Program::Ours(Ours::Plain), None),
            (Program::Scp(Scp::Gcm), None),
            (Program::Tar, None),
            (Program::Rsync(Rsync::Default), Some("apt install rsync")),
            (Program::Nginx, Some("curl")),
            (Program::Nc, Some("netcat-openbsd")),
            (Program::Croc, None),
        ] {
            let missing = programs.missing(Part::Memory, program);
            assert_eq!(missing.is_some(), cure.is_some(), "{program:?}");
            let missing = missing.unwrap_or_default();
            assert!(missing.contains(cure.unwrap_or_default()), "{missing}");
        }
    }

    #[test]
    fn without_a_network_of_its_own_nobody_is_slowed_and_croc_stays_away() {
        let programs = sample(Network::Shared);
        let ours = Program::Ours(Ours::Default);
        assert!(programs.missing(Part::Link, ours).is_some());
        assert!(programs.missing(Part::Memory, ours).is_none());
        assert!(programs.missing(Part::Memory, Program::Croc).is_some());
    }

    #[test]
    fn programs_are_called_by_their_path_or_name() {
        let programs = sample(Network::Own);
        for (name, path) in [
            ("croc", "/opt/croc"),
            ("sshd", "/usr/sbin/sshd"),
            ("rsync", "rsync"),
        ] {
            assert_eq!(programs.path(name), Path::new(path));
        }
        assert!(programs.croc_hides_its_code());
    }
}
