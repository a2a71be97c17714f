//! Text from anywhere, made harmless; and how much room it takes.

/// The text on one line, without what could steer a terminal or reorder the line, and without what XML cannot say.
pub(crate) fn clean(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_whitespace() { ' ' } else { c })
        .filter(|&c| is_harmless(c))
        .collect()
}

fn is_harmless(c: char) -> bool {
    !c.is_control()
        && !matches!(c,
            '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
            | '\u{fdd0}'..='\u{fdef}')
        && u32::from(c) & 0xfffe != 0xfffe
}

/// The text as it stands in XML and HTML, [cleaned](clean), between tags or in quotes.
pub(crate) fn xml(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in clean(text).chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

/// As much of the text, [cleaned](clean), as fits into `room`, by the width that `width` gives a character; what was cut
/// off is an ellipsis.
pub(crate) fn fit(text: &str, room: f64, width: impl Fn(char) -> f64) -> String {
    let text = clean(text);
    if text.chars().map(&width).sum::<f64>() <= room {
        return text;
    }
    let mut left = room - width('…');
    let kept = text.chars().take_while(|&c| {
        left -= width(c);
        left >= 0.0
    });
    let kept: String = kept.collect();
    format!("{}…", kept.trim_end())
}

/// The columns that a character takes in a terminal: two for those of East Asia and for pictures.
pub(crate) fn columns(c: char) -> f64 {
    match u32::from(c) {
        0x300..=0x36f | 0xfe00..=0xfe0f => 0.0,
        0x1100..=0x115f
        | 0x2e80..=0xa4cf
        | 0xac00..=0xd7a3
        | 0xf900..=0xfaff
        | 0xfe30..=0xfe6f
        | 0xff00..=0xff60
        | 0x1f300..=0x1faff
        | 0x20000..=0x3ffff => 2.0,
        _ => 1.0,
    }
}

/// The advance of a character of DejaVu Sans, in ems. Most other fonts are narrower.
pub(crate) fn ems(c: char) -> f64 {
    let index = usize::try_from(u32::from(c)).unwrap_or(usize::MAX);
    let printable = index.checked_sub(32).and_then(|at| ADVANCES.get(at));
    let thousandths = printable.copied().unwrap_or(match c {
        'µ' | '·' | '–' | '°' => 650,
        _ => 1000,
    });
    f64::from(thousandths) / 1000.0
}

/// The advances of the printable ASCII characters, in thousandths of an em.
const ADVANCES: [u16; 95] = [
    318, 401, 460, 838, 636, 950, 780, 275, 390, 390, 500, 838, 318, 361, 318, 337, 636, 636, 636,
    636, 636, 636, 636, 636, 636, 636, 337, 337, 838, 838, 838, 531, 1000, 684, 686, 698, 770, 632,
    575, 775, 752, 295, 295, 656, 557, 863, 748, 787, 603, 787, 695, 635, 611, 732, 684, 989, 685,
    611, 685, 390, 337, 390, 838, 500, 500, 613, 635, 550, 635, 615, 352, 635, 634, 278, 278, 579,
    278, 974, 634, 612, 635, 635, 411, 521, 392, 634, 592, 818, 592, 592, 525, 636, 337, 636, 838,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_text_comes_out_harmless() {
        let table = [
            ("Grüße, 漢字 🙂", "Grüße, 漢字 🙂"),
            ("\x1b[31mred\x07", "[31mred"),
            ("two\r\nlines\tand\u{2028}more", "two  lines and more"),
            ("ab\u{202e}cd\u{feff}\u{ffff}\u{fdd0}\u{9b}", "abcd"),
        ];
        for (text, harmless) in table {
            assert_eq!(clean(text), harmless);
        }
        assert_eq!(
            xml("<a href='x'>\"&\0</a>"),
            "&lt;a href=&#39;x&#39;&gt;&quot;&amp;&lt;/a&gt;"
        );
    }

    #[test]
    fn long_text_ends_in_an_ellipsis() {
        let table = [
            ("delay", 5.0, "delay"),
            ("delay", 4.0, "del…"),
            ("the delay", 5.0, "the…"),
            ("漢字漢字", 8.0, "漢字漢字"),
            ("漢字漢字", 6.0, "漢字…"),
            ("delay", 0.0, "…"),
        ];
        for (text, room, fitted) in table {
            assert_eq!(fit(text, room, columns), fitted);
        }
    }
}
