//! What the server knows that others do not: its key, and who may ask. Both are read anew at SIGHUP.

use runtime::shutdown::Shutdown;
use runtime::signal;
use runtime::tcp::Tls;

use crate::args::Args;
use crate::auth::Guard;
use crate::tls;

/// The secrets that the command line asks for.
#[derive(Debug)]
pub(crate) struct Secrets {
    pub(crate) tls: Option<Tls>,
    pub(crate) guard: Option<Guard>,
    /// What URLs begin with.
    pub(crate) scheme: &'static str,
    /// What is said of it after where the server listens: whole lines, or nothing.
    pub(crate) introduction: String,
}

impl Secrets {
    /// Reads or makes them, and has them read anew whenever SIGHUP comes.
    ///
    /// # Errors
    /// When a file is of no use, with the cure.
    pub(crate) fn open(args: &Args, shutdown: &Shutdown) -> anyhow::Result<Self> {
        let source = source(args);
        let opened = source.as_ref().map(tls::open).transpose()?;
        let (tls, fingerprint) = opened.unzip();
        let guard = args.auth.as_deref().map(Guard::open).transpose()?;
        if tls.is_none() && guard.is_some() {
            tracing::debug!("passwords come as they are: use --tls where others can listen");
        }
        if tls.is_some() || guard.is_some() {
            let (tls, guard) = (source.zip(tls.clone()), guard.clone());
            signal::on_hangup(shutdown, move || reload(tls.as_ref(), guard.as_ref()))?;
        }
        let introduction = fingerprint.flatten().map(|fingerprint| {
            format!("its certificate is of this run alone; SHA-256 fingerprint: {fingerprint}\n")
        });
        Ok(Self {
            scheme: if tls.is_some() { "https" } else { "http" },
            tls,
            guard,
            introduction: introduction.unwrap_or_default(),
        })
    }
}

fn source(args: &Args) -> Option<tls::Source> {
    match args.tls.as_deref() {
        Some([certificate, key]) => Some(tls::Source::Files {
            certificate: certificate.clone(),
            key: key.clone(),
        }),
        _ => args.tls_self_signed.then_some(tls::Source::SelfSigned),
    }
}

/// What cannot be read anew stays as it is.
fn reload(tls: Option<&(tls::Source, Tls)>, guard: Option<&Guard>) {
    let told = |what: &str, done: anyhow::Result<()>| match done {
        Ok(()) => tracing::info!("read {what} anew"),
        Err(error) => tracing::warn!("{what} stays as it was: {error:#}"),
    };
    if let Some((source, tls)) = tls {
        told("the certificate", tls::reload(source, tls));
    }
    if let Some(guard) = guard {
        told("who may come in", guard.reload());
    }
}
