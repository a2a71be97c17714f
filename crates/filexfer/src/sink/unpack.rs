//! Data that was compressed on its way.

use proto::filexfer::native::message::MAX_DATA;
use zstd::bulk::Decompressor;

/// Decompresses into one buffer, which never grows beyond [`MAX_DATA`]: what the bytes say of their size counts for nothing.
#[derive(Default)]
pub(super) struct Unpacker {
    decompressor: Option<Decompressor<'static>>,
    buffer: Vec<u8>,
}

impl Unpacker {
    /// The bytes of which there are to be so many; what is wrong where they are not.
    pub(super) fn unpack(&mut self, packed: &[u8], length: u32) -> Result<&[u8], String> {
        if length > MAX_DATA {
            return Err(format!("expected at most {MAX_DATA} bytes, got {length}"));
        }
        let length = length as usize;
        if self.buffer.len() < length {
            self.buffer.resize(MAX_DATA as usize, 0);
        }
        let decompressor = self.decompressor.get_or_insert_default();
        let unpacked = &mut self.buffer[..length];
        match decompressor.decompress_to_buffer(packed, unpacked) {
            Ok(got) if got == length => Ok(&self.buffer[..length]),
            Ok(got) => Err(format!(
                "expected {length} bytes once decompressed, got {got}"
            )),
            Err(error) => Err(format!(
                "expected {length} bytes once decompressed: {error}"
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packed(bytes: &[u8]) -> Vec<u8> {
        zstd::bulk::compress(bytes, 1).unwrap()
    }

    #[test]
    fn what_was_packed_comes_out() {
        let mut unpacker = Unpacker::default();
        for bytes in [&b"one"[..], &[7; MAX_DATA as usize], b"", b"two"] {
            let length = bytes.len() as u32;
            assert_eq!(unpacker.unpack(&packed(bytes), length), Ok(bytes));
        }
    }

    #[test]
    fn bombs_and_lies() {
        let bomb = packed(&vec![0; 64 << 20]);
        assert!(bomb.len() < MAX_DATA as usize);
        let ten = packed(&[1; 10]);
        let mut unpacker = Unpacker::default();
        for (bytes, length) in [
            (&bomb[..], MAX_DATA),
            (&bomb, 64 << 20),
            (&bomb, 0),
            (&ten, 9),
            (&ten, 11),
            (&ten[..ten.len() - 1], 10),
            (&[], 1),
            (b"garbage", 10),
        ] {
            assert!(unpacker.unpack(bytes, length).is_err(), "{length}");
        }
        assert!(unpacker.buffer.capacity() <= MAX_DATA as usize);
    }
}
