//! Secrets as files hold them.

/// The bytes, two digits each.
pub(super) fn encode(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The bytes that 64 digits stand for.
pub(super) fn decode(text: &str) -> Option<[u8; 32]> {
    let digits: Vec<u8> = text
        .chars()
        .map(|digit| digit.to_digit(16).map(|digit| digit as u8))
        .collect::<Option<_>>()?;
    let bytes: Vec<u8> = digits
        .chunks_exact(2)
        .map(|two| two[0] << 4 | two[1])
        .collect();
    bytes.try_into().ok().filter(|_| digits.len() == 64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let bytes: [u8; 32] = std::array::from_fn(|place| place as u8 * 8 + 3);
        assert_eq!(decode(&encode(&bytes)), Some(bytes));
        for wrong in ["", "0", &"0".repeat(63), &"0".repeat(66), &"g".repeat(64)] {
            assert_eq!(decode(wrong), None, "{wrong}");
        }
    }
}
