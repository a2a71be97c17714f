//! What the server proves itself with, as the command line names it.

use std::fs::File;
use std::io::Read;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::{Context, anyhow};
use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, KeyPair, SanType,
};
use runtime::host;
use runtime::tcp::{Identity, IdentityError, Tls};

/// What is spoken inside, as TLS calls it (RFC 7301).
const PROTOCOL: &str = "http/1.1";

/// What is said to a peer that speaks HTTP without TLS.
const PLAINLY: &[u8] = b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 42\r\n\
    Connection: close\r\n\r\nthis port speaks TLS: ask it by https://\r\n";

/// The longest file of certificates or of a key, in bytes.
const LONGEST: u64 = 1 << 20;

/// How long a certificate of our own is valid, from a day ago on: for as long as a server runs.
const VALID: Duration = Duration::from_secs(365 * 24 * 3600);

/// Where an identity comes from.
#[derive(Clone, Debug)]
pub(crate) enum Source {
    /// Two files.
    Files { certificate: PathBuf, key: PathBuf },
    /// It is made anew.
    SelfSigned,
}

/// Seals connections, and tells how a peer that trusts nobody who vouches for us knows us: the SHA-256 of our certificate.
///
/// # Errors
/// When a file cannot be read or is of no use, with the cure.
pub(crate) fn open(source: &Source) -> anyhow::Result<(Tls, Option<String>)> {
    let identity = match source {
        Source::Files { certificate, key } => read(certificate, key)?,
        Source::SelfSigned => make()?,
    };
    let shown = matches!(source, Source::SelfSigned).then(|| fingerprint(identity.certificate()));
    Ok((Tls::new(identity, &[PROTOCOL], PLAINLY)?, shown))
}

/// Reads the files again.
///
/// # Errors
/// As [`open`]; then all stays as it was.
pub(crate) fn reload(source: &Source, tls: &Tls) -> anyhow::Result<()> {
    if let Source::Files { certificate, key } = source {
        tls.show(read(certificate, key)?);
    }
    Ok(())
}

fn read(certificate: &Path, key: &Path) -> anyhow::Result<Identity> {
    let (first, second) = (certificate.display(), key.display());
    let content = |path: &Path| -> anyhow::Result<Vec<u8>> {
        let mut content = Vec::new();
        File::open(path)
            .and_then(|file| file.take(LONGEST).read_to_end(&mut content))
            .with_context(|| format!("cannot read {}", path.display()))?;
        Ok(content)
    };
    let identity = Identity::from_pem(&content(certificate)?, &content(key)?)
        .map_err(|error| blame(error, &first.to_string(), &second.to_string()))?;
    warn_of_readers(key);
    Ok(identity)
}

/// Says which file it is about.
fn blame(error: IdentityError, certificate: &str, key: &str) -> anyhow::Error {
    use IdentityError::{NoCertificate, NoKey, Sealed, Swapped};
    let file = match error {
        NoCertificate | Swapped => certificate.to_owned(),
        NoKey | Sealed => key.to_owned(),
        _ => format!("{certificate} and {key}"),
    };
    anyhow!(error).context(format!("cannot use {file} for --tls"))
}

#[cfg(unix)]
fn warn_of_readers(key: &Path) {
    use std::os::unix::fs::PermissionsExt;
    let mode = key.metadata().map(|of| of.permissions().mode());
    if mode.is_ok_and(|mode| mode & 0o007 != 0) {
        tracing::warn!(
            "everyone on this machine can read {0}: chmod 640 {0}",
            key.display()
        );
    }
}

#[cfg(not(unix))]
fn warn_of_readers(_: &Path) {}

/// A new key, and a certificate by itself for the names and addresses of this machine.
fn make() -> anyhow::Result<Identity> {
    let key = KeyPair::generate().context("cannot make a key")?;
    let mut params = CertificateParams::default();
    let name = host::name();
    params.distinguished_name = DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::CommonName, name.clone());
    params.subject_alt_names = names(&name, addrs());
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let now = SystemTime::now();
    params.not_before = (now - Duration::from_secs(24 * 3600)).into();
    params.not_after = (now + VALID).into();
    let certificate = params
        .self_signed(&key)
        .context("cannot make a certificate")?;
    Ok(Identity::from_der(
        certificate.der().to_vec(),
        key.serialize_der(),
    )?)
}

/// The addresses by which this machine is reached, from itself included.
fn addrs() -> Vec<IpAddr> {
    let every = [
        SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
        SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)),
    ];
    let own = host::reachable(&every).into_iter().map(|addr| addr.ip());
    let here = [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
    let mut addrs: Vec<_> = own.chain(here).collect();
    addrs.sort_unstable();
    addrs.dedup();
    addrs
}

/// How this machine is called, as far as a certificate can say it.
fn names(name: &str, addrs: Vec<IpAddr>) -> Vec<SanType> {
    let local = format!("{name}.local");
    let names = ["localhost", name, &local].into_iter();
    let names = names.filter_map(|name| Some(SanType::DnsName(name.try_into().ok()?)));
    names
        .chain(addrs.into_iter().map(SanType::IpAddress))
        .collect()
}

/// As browsers and openssl show it: pairs of digits with colons between them.
fn fingerprint(certificate: &[u8]) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, certificate);
    let pairs: Vec<_> = digest
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02X}"))
        .collect();
    pairs.join(":")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_is_made_for_this_machine() {
        let (_, fingerprint) = open(&Source::SelfSigned).unwrap();
        let fingerprint = fingerprint.unwrap();
        assert_eq!(fingerprint.len(), 32 * 3 - 1, "{fingerprint}");
        let names = names("plum", vec![Ipv4Addr::LOCALHOST.into()]);
        let dns = |name: &str| SanType::DnsName(name.try_into().unwrap());
        let addr = SanType::IpAddress(Ipv4Addr::LOCALHOST.into());
        assert_eq!(
            names,
            [dns("localhost"), dns("plum"), dns("plum.local"), addr]
        );
        assert!(addrs().contains(&Ipv6Addr::LOCALHOST.into()));
    }

    #[test]
    fn a_fault_names_its_file() {
        let source = Source::Files {
            certificate: "/nowhere/cert.pem".into(),
            key: "/nowhere/key.pem".into(),
        };
        let error = open(&source).unwrap_err();
        assert_eq!(error.to_string(), "cannot read /nowhere/cert.pem");
        let table = [
            (
                IdentityError::Swapped,
                "cannot use c.pem for --tls: expected a certificate in the first",
            ),
            (
                IdentityError::Sealed,
                "cannot use k.pem for --tls: expected a private key without",
            ),
            (
                IdentityError::Mismatch,
                "cannot use c.pem and k.pem for --tls: expected the private key of",
            ),
        ];
        for (error, expected) in table {
            let text = format!("{:#}", blame(error, "c.pem", "k.pem"));
            assert!(text.starts_with(expected), "{text}");
        }
    }

    #[test]
    fn a_peer_without_tls_is_told_a_whole_answer() {
        let text = std::str::from_utf8(PLAINLY).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(
            head.contains(&format!("Content-Length: {}", body.len())),
            "{head}"
        );
        assert!(!head.contains("  "), "{head}");
    }
}
