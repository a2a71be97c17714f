//! What a server proves itself with: certificates, and the key that goes with the first.

use std::fmt;
use std::sync::Arc;

use rustls::crypto::aws_lc_rs as crypto;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use thiserror::Error;

/// Certificates, the server's own first, and its key. It prints as `***`.
#[derive(Clone)]
pub struct Identity(Arc<CertifiedKey>);

/// Why certificates and a key are of no use. The texts speak of two files, of which the reader knows the names.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum IdentityError {
    /// No certificate is there.
    #[error("expected a certificate in PEM form (-----BEGIN CERTIFICATE-----) in the first file")]
    NoCertificate,
    /// No certificate, but a key.
    #[error(
        "expected a certificate in the first file, which has a private key: name the certificate first"
    )]
    Swapped,
    /// No key is there.
    #[error("expected a private key in PEM form (-----BEGIN PRIVATE KEY-----) in the second file")]
    NoKey,
    /// The key is sealed with a password.
    #[error(
        "expected a private key without a password: openssl pkey -in KEY -out NEW takes it off"
    )]
    Sealed,
    /// The key is not that of the certificate.
    #[error(
        "expected the private key of the first certificate, and got another: the server's own certificate stands before \
         those that vouch for it"
    )]
    Mismatch,
    /// Something else is wrong with one of them.
    #[error(
        "expected a certificate and a private key (ECDSA, Ed25519 or RSA of 2048 bits and more): {0}"
    )]
    Invalid(String),
}

impl Identity {
    /// Reads what `-----BEGIN CERTIFICATE-----` and `-----BEGIN … PRIVATE KEY-----` stand before (RFC 7468).
    ///
    /// # Errors
    /// [`IdentityError`], which says what was expected instead.
    pub fn from_pem(certificates: &[u8], key: &[u8]) -> Result<Self, IdentityError> {
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(certificates).collect();
        let chain = chain.map_err(|error| IdentityError::Invalid(error.to_string()))?;
        if chain.is_empty() {
            return Err(match PrivateKeyDer::from_pem_slice(certificates) {
                Ok(_) => IdentityError::Swapped,
                Err(_) => IdentityError::NoCertificate,
            });
        }
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| why_no_key(key))?;
        Self::new(chain, key)
    }

    /// Takes them in binary form: a certificate of X.509 and a key of PKCS #8.
    ///
    /// # Errors
    /// [`IdentityError`], where they do not belong together.
    pub fn from_der(certificate: Vec<u8>, key: Vec<u8>) -> Result<Self, IdentityError> {
        let key = PrivateKeyDer::Pkcs8(key.into());
        Self::new(vec![certificate.into()], key)
    }

    fn new(
        chain: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
    ) -> Result<Self, IdentityError> {
        use rustls::Error::InconsistentKeys;
        let provider = crypto::default_provider();
        match CertifiedKey::from_der(chain, key, &provider) {
            Ok(key) => Ok(Self(Arc::new(key))),
            Err(InconsistentKeys(_)) => Err(IdentityError::Mismatch),
            Err(error) => Err(IdentityError::Invalid(error.to_string())),
        }
    }

    /// The server's own certificate, in binary form.
    pub fn certificate(&self) -> &[u8] {
        self.0.cert.first().map_or(&[], |certificate| certificate)
    }

    pub(super) fn into_key(self) -> Arc<CertifiedKey> {
        self.0
    }
}

fn why_no_key(text: &[u8]) -> IdentityError {
    let text = String::from_utf8_lossy(text);
    if text.contains("ENCRYPTED") {
        IdentityError::Sealed
    } else {
        IdentityError::NoKey
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Identity(***)")
    }
}
