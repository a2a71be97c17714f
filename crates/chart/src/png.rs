//! The chart as a pixel image.

use std::sync::{Arc, LazyLock};

use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{self, Options, Tree, fontdb};
use thiserror::Error;

use crate::{Chart, svg};

/// Pixels for each pixel of the SVG, along either side.
const SCALE: f32 = 2.0;

/// The highest picture that is drawn, in pixels of the SVG: some 75 panels, and 140 MB while it is drawn.
const HIGHEST: f64 = 20_000.0;

/// The font of all pictures, cut down to what they need; see the licence beside it.
const FONT: &[u8] = include_bytes!("../fonts/DejaVuSans-subset.ttf");

/// Why there is no picture.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Error {
    /// The chart has so many panels that the picture would fill the memory.
    #[error("expected a picture of at most {HIGHEST} pixels in height, got {0}; draw fewer panels")]
    TooHigh(u64),
    /// The renderer refused the SVG: a fault of this crate.
    #[error("expected to render the picture: {0}")]
    Render(String),
}

/// The chart as a PNG, at two pixels for each of the [SVG](crate::svg()), on white. It looks the same on every machine,
/// since it brings its font.
///
/// # Errors
/// [`Error::TooHigh`] for a chart of very many panels.
pub fn png(chart: &Chart) -> Result<Vec<u8>, Error> {
    let height = svg::height(chart);
    if height > HIGHEST {
        return Err(Error::TooHigh(height as u64));
    }
    let fault = |error: &dyn ToString| Error::Render(error.to_string());
    let tree = parse(&svg(chart)).map_err(|error| fault(&error))?;
    let size = tree.size().to_int_size().scale_by(SCALE);
    let pixmap = size.and_then(|size| Pixmap::new(size.width(), size.height()));
    let mut pixmap = pixmap.ok_or_else(|| fault(&"no room for the pixels"))?;
    resvg::render(
        &tree,
        Transform::from_scale(SCALE, SCALE),
        &mut pixmap.as_mut(),
    );
    pixmap.encode_png().map_err(|error| fault(&error))
}

pub(crate) fn parse(svg: &str) -> Result<Tree, usvg::Error> {
    static FONTS: LazyLock<Arc<fontdb::Database>> = LazyLock::new(|| {
        let mut fonts = fontdb::Database::new();
        fonts.load_font_data(FONT.to_vec());
        fonts.set_sans_serif_family("DejaVu Sans");
        Arc::new(fonts)
    });
    let options = Options {
        fontdb: FONTS.clone(),
        font_family: "DejaVu Sans".to_owned(),
        ..Options::default()
    };
    Tree::from_str(svg, &options)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Axis, Panel, Series, Unit};

    fn chart(panels: usize) -> Chart {
        let axis = || Axis::new("v", Unit::Plain);
        let panel = Panel::new(axis()).with(Series::line("s", vec![(0.0, 0.0), (1.0, 1.0)]));
        Chart {
            title: "A chart".to_owned(),
            x: axis(),
            panels: vec![panel; panels],
        }
    }

    #[test]
    fn a_picture_has_its_size_and_is_not_blank() {
        let chart = chart(2);
        let bytes = png(&chart).unwrap();
        let pixmap = Pixmap::decode_png(&bytes).unwrap();
        assert_eq!(pixmap.width(), 1800);
        assert_eq!(f64::from(pixmap.height()), 2.0 * svg::height(&chart));
        let drawn = pixmap
            .pixels()
            .iter()
            .filter(|pixel| pixel.red() < 100)
            .count();
        assert!((5_000..200_000).contains(&drawn), "{drawn}");
    }

    #[test]
    fn text_is_drawn_in_the_font_of_this_crate() {
        let (plain, mut named) = (chart(1), chart(1));
        named.title = "A chart · µ ≤ × – 5 %".to_owned();
        assert_ne!(png(&plain), png(&named));
        assert_eq!(png(&named), png(&named));
    }

    #[test]
    fn a_picture_that_would_fill_the_memory_is_refused() {
        assert!(matches!(png(&chart(200)), Err(Error::TooHigh(40_000..))));
    }
}
