//! What is to be typed, for the camera of a telephone.

use qrcode::QrCode;
use qrcode::render::unicode::Dense1x2;

/// The text as a QR code, two rows of it in a line; dark on light is turned round, as most terminals are dark.
///
/// # Errors
/// Text that is too long for one, over 2,900 bytes.
pub(crate) fn render(text: &str) -> anyhow::Result<String> {
    let code = QrCode::new(text)?;
    let mut renderer = code.render::<Dense1x2>();
    renderer.dark_color(Dense1x2::Light);
    renderer.light_color(Dense1x2::Dark);
    Ok(renderer.build())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_a_square_of_half_blocks() {
        let text = render("filexfer get 192.0.2.7").unwrap();
        let lines: Vec<_> = text.lines().collect();
        let width = lines[0].chars().count();
        assert_eq!(lines.len(), width.div_ceil(2));
        assert!(text.chars().all(|c| " ▀▄█\n".contains(c)), "{text}");
        assert!(render(&"x".repeat(3000)).is_err());
    }
}
