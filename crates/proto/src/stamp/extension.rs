//! What may lie behind the base of a packet (RFC 8972, section 4): extensions of a flag byte, a type, a length and a
//! value, or the bare padding of older senders.

const HEAD: usize = 4;

/// The flags of an extension: it was not understood, it is malformed, its code is wrong.
const UNKNOWN: u8 = 0x80;
const MALFORMED: u8 = 0x40;
const FORGED: u8 = 0x20;

const EXTRA_PADDING: u8 = 1;

/// Appends padding of so many bytes: one extension of zeroes, or zeroes alone where there is no room for its head.
pub(super) fn pad(bytes: usize, out: &mut Vec<u8>) {
    let end = out.len() + bytes;
    if let Some(length) = bytes
        .checked_sub(HEAD)
        .and_then(|length| u16::try_from(length).ok())
    {
        out.extend_from_slice(&[UNKNOWN, EXTRA_PADDING]);
        out.extend_from_slice(&length.to_be_bytes());
    }
    out.resize(end, 0);
}

/// Says in the extensions of a packet that is reflected which of them were understood: padding is, and no other.
///
/// A sender sets the flag of what is unknown in all that it sends, so what comes without it is the padding of one that
/// knows no extensions: nothing is changed from there on. Nor is what follows a malformed extension.
pub(super) fn judge(mut extensions: &mut [u8]) {
    while let [flags, kind, high, low, rest @ ..] = extensions {
        if *flags & UNKNOWN == 0 {
            return;
        }
        *flags &= !(MALFORMED | FORGED);
        if *kind == EXTRA_PADDING {
            *flags &= !UNKNOWN;
        }
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        let Some((_, next)) = rest.split_at_mut_checked(length) else {
            *flags |= MALFORMED;
            return;
        };
        extensions = next;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn extensions_of_the_table() {
        let table: &[(&str, &[u8], &[u8])] = &[
            ("none", &[], &[]),
            ("no head", &[0x80, 1, 0], &[0x80, 1, 0]),
            ("padding", &[0x80, 1, 0, 2, 7, 7], &[0, 1, 0, 2, 7, 7]),
            ("unknown", &[0x80, 99, 0, 1, 7], &[0x80, 99, 0, 1, 7]),
            (
                "flags that only a reflector sets",
                &[0xE0, 99, 0, 0, 0xE0, 1, 0, 0],
                &[0x80, 99, 0, 0, 0, 1, 0, 0],
            ),
            (
                "too long, and what follows",
                &[0x80, 1, 0, 9, 0x80, 1, 0, 0],
                &[0x40, 1, 0, 9, 0x80, 1, 0, 0],
            ),
            ("zeroes", &[0; 9], &[0; 9]),
            (
                "the padding of TWAMP",
                &[0x7A, 1, 0, 0, 0x80, 1],
                &[0x7A, 1, 0, 0, 0x80, 1],
            ),
        ];
        for (what, sent, reflected) in table {
            let mut bytes = sent.to_vec();
            judge(&mut bytes);
            assert_eq!(&bytes, reflected, "{what}");
        }
    }

    #[test]
    fn padding_has_its_length() {
        for bytes in [0, 1, 3, 4, 5, 65_395, 65_539, 65_540, 70_000] {
            let mut out = vec![9];
            pad(bytes, &mut out);
            assert_eq!(out.len(), 1 + bytes);
            let mut reflected = out.clone();
            judge(&mut reflected[1..]);
            let has_head = (HEAD..HEAD + 65_536).contains(&bytes);
            assert_eq!(reflected != out, has_head, "{bytes}");
            assert!(reflected[1..].iter().all(|byte| byte & 0xC0 == 0) || has_head);
        }
    }

    proptest! {
        #[test]
        fn any_bytes_keep_all_but_their_flags(sent: Vec<u8>) {
            let mut bytes = sent.clone();
            judge(&mut bytes);
            prop_assert_eq!(bytes.len(), sent.len());
            let kept = bytes.iter().zip(&sent).all(|(one, other)| one & 0x1F == other & 0x1F);
            prop_assert!(kept);
        }
    }
}
