//! TLS: with a certificate made at the start, or with files. `ring` is the one provider of cryptography.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

/// Where certificate and key come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tls {
    /// From PEM files.
    Files {
        /// The certificate, and those that it rests on.
        certificate: PathBuf,
        /// Its private key.
        key: PathBuf,
    },
    /// Made at the start, for `localhost`, 127.0.0.1 and ::1; gone with the server.
    SelfSigned,
}

/// Names that a self-signed certificate is good for.
const NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// What a server needs to speak TLS.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    pub(crate) config: Arc<ServerConfig>,
    /// The certificate as PEM, for clients that are to trust it.
    pub(crate) certificate: String,
}

impl Identity {
    pub(crate) fn load(tls: &Tls) -> Result<Self, TlsError> {
        match tls {
            Tls::Files { certificate, key } => Self::read(certificate, key),
            Tls::SelfSigned => Self::make(),
        }
    }

    fn read(certificate: &Path, key: &Path) -> Result<Self, TlsError> {
        let unreadable = |wanted, path: &Path| {
            let path = path.to_owned();
            move |source| TlsError::File {
                wanted,
                path,
                source,
            }
        };
        let text = std::fs::read_to_string(certificate).map_err(pem::Error::Io);
        let text = text.map_err(unreadable("a certificate", certificate))?;
        let chain = CertificateDer::pem_slice_iter(text.as_bytes());
        let chain: Vec<_> = chain
            .collect::<Result<_, _>>()
            .map_err(unreadable("a certificate", certificate))?;
        let key = PrivateKeyDer::from_pem_file(key).map_err(unreadable("a private key", key))?;
        Self::new(chain, key, text)
    }

    fn make() -> Result<Self, TlsError> {
        let made = rcgen::generate_simple_self_signed(NAMES.map(str::to_owned));
        let made = made.map_err(TlsError::Make)?;
        let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
        let chain = vec![made.cert.der().clone()];
        Self::new(chain, key.into(), made.cert.pem())
    }

    fn new(
        chain: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
        certificate: String,
    ) -> Result<Self, TlsError> {
        let provider = Arc::new(ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth();
        let mut config = config.with_single_cert(chain, key)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self {
            config: Arc::new(config),
            certificate,
        })
    }
}

/// Certificate and key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read, or is no PEM file of what was expected.
    #[error("cannot read {wanted} from {path}", path = .path.display())]
    File {
        /// What was looked for in it.
        wanted: &'static str,
        /// The file.
        path: PathBuf,
        /// What the reader found.
        source: pem::Error,
    },
    /// No certificate could be made.
    #[error("cannot make a certificate")]
    Make(#[source] rcgen::Error),
    /// Certificate and key do not go together.
    #[error("certificate and key cannot be used")]
    Pair(#[from] rustls::Error),
}
