//! JSON that people can also read: a line for each key of the object, however much stands below it.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::Serializer;
use serde_json::ser::Formatter;

/// Writes an object and flushes.
///
/// # Errors
/// Those of the writer, and of an object that JSON cannot say.
pub fn print(object: &impl Serialize, out: &mut impl Write) -> io::Result<()> {
    let mut serializer = Serializer::with_formatter(&mut *out, Lines::default());
    object.serialize(&mut serializer)?;
    writeln!(out)?;
    out.flush()
}

/// Breaks lines in the outermost object alone.
#[derive(Default)]
struct Lines {
    depth: usize,
}

impl Formatter for Lines {
    fn begin_object<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.depth += 1;
        out.write_all(b"{")
    }

    fn end_object<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.depth -= 1;
        out.write_all(if self.depth == 0 { b"\n}" } else { b"}" })
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        let comma: &[u8] = if first { b"" } else { b"," };
        out.write_all(comma)?;
        match (self.depth, first) {
            (1, _) => out.write_all(b"\n  "),
            (_, true) => Ok(()),
            (_, false) => out.write_all(b" "),
        }
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        out.write_all(b": ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_outermost_object_has_lines() {
        let object = serde_json::json!({"a": 1, "b": {"c": [[1, 2], [3, 4]], "d": null}, "e": {}});
        let mut out = Vec::new();
        print(&object, &mut out).unwrap();
        let expected =
            "{\n  \"a\": 1,\n  \"b\": {\"c\": [[1,2],[3,4]], \"d\": null},\n  \"e\": {}\n}\n";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}
