//! Compressing what is sent, where that pays: zstd and gzip, which every browser takes one of. Brotli costs too much time
//! while somebody waits; files that are compressed so beforehand are served.

use std::io::{self, Write};

use flate2::Compression;
use flate2::write::GzEncoder;
use proto::http::{Coding, media};

/// What is made, the better first.
pub(crate) const MADE: [Coding; 2] = [Coding::Zstd, Coding::Gzip];

/// Shorter content fits one packet as it is.
const SHORTEST: u64 = 1024;

/// The longest content that is compressed in one go and kept, in bytes. It takes a few milliseconds.
pub(crate) const AT_ONCE: u64 = 256 * 1024;

/// How well: twice the time would gain a few hundredths.
const ZSTD_LEVEL: i32 = 3;
const GZIP_LEVEL: u32 = 5;

/// How far back repetitions are looked for where content of any length is compressed, as a power of two: it is what such
/// an answer takes of the memory.
const ZSTD_WINDOW: u32 = 17;

/// Whether content of this type and length is worth the time.
pub(crate) fn pays(media: &str, length: u64) -> bool {
    length >= SHORTEST && media::is_compressible(media)
}

/// Compresses content that comes in pieces.
pub(crate) enum Packer {
    Zstd(zstd::stream::write::Encoder<'static, Vec<u8>>),
    Gzip(GzEncoder<Vec<u8>>),
}

impl std::fmt::Debug for Packer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Packer")
    }
}

impl Packer {
    /// For content of a known length, or of any.
    ///
    /// # Errors
    /// `Unsupported` for a coding that is not among [`MADE`].
    pub(crate) fn new(coding: Coding, length: Option<u64>) -> io::Result<Self> {
        match coding {
            Coding::Zstd => {
                let mut zstd = zstd::stream::write::Encoder::new(Vec::new(), ZSTD_LEVEL)?;
                match length {
                    Some(length) => zstd.set_pledged_src_size(Some(length))?,
                    None => zstd.window_log(ZSTD_WINDOW)?,
                }
                Ok(Self::Zstd(zstd))
            }
            Coding::Gzip => {
                let level = Compression::new(GZIP_LEVEL);
                Ok(Self::Gzip(GzEncoder::new(Vec::new(), level)))
            }
            Coding::Identity | Coding::Brotli => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    /// Takes a piece, and gives what is ready: perhaps nothing.
    pub(crate) fn take(&mut self, piece: &[u8]) -> io::Result<Vec<u8>> {
        let ready = match self {
            Self::Zstd(zstd) => {
                zstd.write_all(piece)?;
                zstd.get_mut()
            }
            Self::Gzip(gzip) => {
                gzip.write_all(piece)?;
                gzip.get_mut()
            }
        };
        Ok(std::mem::take(ready))
    }

    /// Gives the rest.
    pub(crate) fn end(self) -> io::Result<Vec<u8>> {
        match self {
            Self::Zstd(zstd) => zstd.finish(),
            Self::Gzip(gzip) => gzip.finish(),
        }
    }
}

/// Compresses all of a content.
pub(crate) fn pack(coding: Coding, content: &[u8]) -> io::Result<Vec<u8>> {
    let mut packer = Packer::new(coding, Some(content.len() as u64))?;
    let mut packed = packer.take(content)?;
    packed.append(&mut packer.end()?);
    Ok(packed)
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    fn unpack(coding: Coding, packed: &[u8]) -> Vec<u8> {
        match coding {
            Coding::Zstd => zstd::decode_all(packed).unwrap(),
            _ => {
                let mut all = Vec::new();
                let mut gzip = flate2::read::GzDecoder::new(packed);
                gzip.read_to_end(&mut all).unwrap();
                all
            }
        }
    }

    proptest::proptest! {
        #[test]
        fn what_is_packed_is_the_same_again(
            content in proptest::collection::vec(0_u8..4, 0..20_000),
            piece in 1_usize..5000,
        ) {
            for coding in MADE {
                let whole = pack(coding, &content).unwrap();
                proptest::prop_assert_eq!(&unpack(coding, &whole), &content);
                let mut packer = Packer::new(coding, None).unwrap();
                let mut packed = Vec::new();
                for piece in content.chunks(piece) {
                    packed.append(&mut packer.take(piece).unwrap());
                }
                packed.append(&mut packer.end().unwrap());
                proptest::prop_assert_eq!(&unpack(coding, &packed), &content);
            }
        }
    }

    #[test]
    fn what_is_worth_it() {
        assert!(pays("text/html; charset=utf-8", 1024));
        assert!(!pays("text/html; charset=utf-8", 1023));
        assert!(!pays("image/png", 100_000));
    }

    #[test]
    fn brotli_is_not_made() {
        assert!(pack(Coding::Brotli, b"x").is_err());
    }
}
