//! Media types by the ends of names (RFC 9110, section 8.3), and which of them are worth compressing.

/// What nothing is known of.
const BYTES: &str = "application/octet-stream";

/// What people read; also programs, which a browser is to show, not to save.
const TEXT: &str = "text/plain; charset=utf-8";

/// The longest end of a name that is known.
const LONGEST: usize = 12;

/// What a file of this name holds, as `Content-Type` says it; text is UTF-8. The name may be a path.
pub fn of_name(name: &[u8]) -> &'static str {
    let name = name.rsplit(|byte| *byte == b'/').next().unwrap_or(name);
    match name.iter().rposition(|byte| *byte == b'.') {
        Some(dot) => of_end(&name[dot + 1..]),
        None if PLAIN_NAMES.iter().any(|plain| plain.as_bytes() == name) => TEXT,
        None => BYTES,
    }
}

/// Whether content of this type becomes much shorter when it is compressed.
pub fn is_compressible(media: &str) -> bool {
    let kind = media.split(';').next().unwrap_or(media).trim_ascii_end();
    kind.starts_with("text/")
        || kind.ends_with("+xml")
        || kind.ends_with("+json")
        || COMPRESSIBLE.contains(&kind)
}

fn of_end(end: &[u8]) -> &'static str {
    let mut lower = [0; LONGEST];
    let Some(lower) = lower.get_mut(..end.len()) else {
        return BYTES;
    };
    lower.copy_from_slice(end);
    lower.make_ascii_lowercase();
    match ENDS.binary_search_by_key(&&*lower, |(known, _)| known.as_bytes()) {
        Ok(at) => ENDS[at].1,
        Err(_) => BYTES,
    }
}

const PLAIN_NAMES: [&str; 13] = [
    "AUTHORS",
    "CHANGELOG",
    "CHANGES",
    "CONTRIBUTING",
    "COPYING",
    "Dockerfile",
    "INSTALL",
    "LICENSE",
    "Makefile",
    "NEWS",
    "NOTICE",
    "README",
    "TODO",
];

/// What is neither text nor XML nor JSON by its name and still becomes much shorter.
const COMPRESSIBLE: [&str; 18] = [
    "application/json",
    "application/postscript",
    "application/rtf",
    "application/vnd.apple.mpegurl",
    "application/vnd.ms-fontobject",
    "application/vnd.sqlite3",
    "application/wasm",
    "application/x-ndjson",
    "application/x-pem-file",
    "application/x-tar",
    "application/xml",
    "audio/mpegurl",
    "font/collection",
    "font/otf",
    "font/ttf",
    "image/bmp",
    "image/vnd.microsoft.icon",
    "model/stl",
];

/// Sorted by the ends of names, which are in small letters.
const ENDS: [(&str, &str); 218] = [
    ("3gp", "video/3gpp"),
    ("7z", "application/x-7z-compressed"),
    ("aac", "audio/aac"),
    ("adoc", TEXT),
    ("aif", "audio/aiff"),
    ("aiff", "audio/aiff"),
    ("apk", "application/vnd.android.package-archive"),
    ("apng", "image/apng"),
    ("asc", TEXT),
    ("asm", TEXT),
    ("atom", "application/atom+xml"),
    ("avi", "video/x-msvideo"),
    ("avif", "image/avif"),
    ("bash", TEXT),
    ("bat", TEXT),
    ("bib", TEXT),
    ("bin", BYTES),
    ("bmp", "image/bmp"),
    ("br", BYTES),
    ("bz2", "application/x-bzip2"),
    ("c", TEXT),
    ("cc", TEXT),
    ("cer", "application/pkix-cert"),
    ("cfg", TEXT),
    ("cjs", "text/javascript; charset=utf-8"),
    ("clj", TEXT),
    ("cmake", TEXT),
    ("conf", TEXT),
    ("cpp", TEXT),
    ("cs", TEXT),
    ("css", "text/css; charset=utf-8"),
    ("csv", "text/csv; charset=utf-8"),
    ("cur", "image/vnd.microsoft.icon"),
    ("cxx", TEXT),
    ("deb", "application/vnd.debian.binary-package"),
    ("diff", TEXT),
    ("dll", BYTES),
    ("dmg", "application/x-apple-diskimage"),
    ("doc", "application/msword"),
    ("dockerfile", TEXT),
    (
        "docx",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ),
    ("editorconfig", TEXT),
    ("eot", "application/vnd.ms-fontobject"),
    ("eps", "application/postscript"),
    ("epub", "application/epub+zip"),
    ("erl", TEXT),
    ("ex", TEXT),
    ("exe", BYTES),
    ("exs", TEXT),
    ("fish", TEXT),
    ("flac", "audio/flac"),
    ("flv", "video/x-flv"),
    ("geojson", "application/geo+json"),
    ("gif", "image/gif"),
    ("gitignore", TEXT),
    ("glb", "model/gltf-binary"),
    ("gltf", "model/gltf+json"),
    ("go", TEXT),
    ("gpx", "application/gpx+xml"),
    ("gradle", TEXT),
    ("graphql", TEXT),
    ("gz", "application/gzip"),
    ("h", TEXT),
    ("heic", "image/heic"),
    ("heif", "image/heif"),
    ("hh", TEXT),
    ("hpp", TEXT),
    ("hs", TEXT),
    ("htm", "text/html; charset=utf-8"),
    ("html", "text/html; charset=utf-8"),
    ("hxx", TEXT),
    ("ico", "image/vnd.microsoft.icon"),
    ("ics", "text/calendar; charset=utf-8"),
    ("img", BYTES),
    ("ini", TEXT),
    ("iso", "application/x-iso9660-image"),
    ("jar", "application/java-archive"),
    ("java", TEXT),
    ("jfif", "image/jpeg"),
    ("jl", TEXT),
    ("jpe", "image/jpeg"),
    ("jpeg", "image/jpeg"),
    ("jpg", "image/jpeg"),
    ("js", "text/javascript; charset=utf-8"),
    ("json", "application/json"),
    ("jsonl", "application/x-ndjson"),
    ("jsonld", "application/ld+json"),
    ("jsx", TEXT),
    ("jxl", "image/jxl"),
    ("kml", "application/vnd.google-earth.kml+xml"),
    ("kt", TEXT),
    ("less", TEXT),
    ("list", TEXT),
    ("log", TEXT),
    ("lua", TEXT),
    ("m2ts", "video/mp2t"),
    ("m3u", "audio/mpegurl"),
    ("m3u8", "application/vnd.apple.mpegurl"),
    ("m4a", "audio/mp4"),
    ("m4b", "audio/mp4"),
    ("m4s", "video/mp4"),
    ("m4v", "video/mp4"),
    ("makefile", TEXT),
    ("map", "application/json"),
    ("markdown", "text/markdown; charset=utf-8"),
    ("md", "text/markdown; charset=utf-8"),
    ("md5", TEXT),
    ("mid", "audio/midi"),
    ("midi", "audio/midi"),
    ("mjs", "text/javascript; charset=utf-8"),
    ("mk", TEXT),
    ("mkv", "video/matroska"),
    ("ml", TEXT),
    ("mov", "video/quicktime"),
    ("mp3", "audio/mpeg"),
    ("mp4", "video/mp4"),
    ("mpd", "application/dash+xml"),
    ("mpeg", "video/mpeg"),
    ("mpg", "video/mpeg"),
    ("msi", BYTES),
    ("ndjson", "application/x-ndjson"),
    ("nfo", TEXT),
    ("nix", TEXT),
    ("odp", "application/vnd.oasis.opendocument.presentation"),
    ("ods", "application/vnd.oasis.opendocument.spreadsheet"),
    ("odt", "application/vnd.oasis.opendocument.text"),
    ("oga", "audio/ogg"),
    ("ogg", "audio/ogg"),
    ("ogv", "video/ogg"),
    ("ogx", "application/ogg"),
    ("opus", "audio/ogg"),
    ("org", TEXT),
    ("otf", "font/otf"),
    ("patch", TEXT),
    ("pdf", "application/pdf"),
    ("pem", "application/x-pem-file"),
    ("pl", TEXT),
    ("png", "image/png"),
    ("ppt", "application/vnd.ms-powerpoint"),
    (
        "pptx",
        "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    ),
    ("properties", TEXT),
    ("proto", TEXT),
    ("ps", "application/postscript"),
    ("ps1", TEXT),
    ("psd", "image/vnd.adobe.photoshop"),
    ("py", TEXT),
    ("qt", "video/quicktime"),
    ("r", TEXT),
    ("rar", "application/vnd.rar"),
    ("rb", TEXT),
    ("rpm", "application/x-rpm"),
    ("rs", TEXT),
    ("rss", "application/rss+xml"),
    ("rst", TEXT),
    ("rtf", "application/rtf"),
    ("sass", TEXT),
    ("scala", TEXT),
    ("scss", TEXT),
    ("sh", TEXT),
    ("sha1", TEXT),
    ("sha256", TEXT),
    ("sha512", TEXT),
    ("shtml", "text/html; charset=utf-8"),
    ("sig", "application/pgp-signature"),
    ("so", BYTES),
    ("spx", "audio/ogg"),
    ("sql", TEXT),
    ("sqlite", "application/vnd.sqlite3"),
    ("sqlite3", "application/vnd.sqlite3"),
    ("srt", TEXT),
    ("stl", "model/stl"),
    ("svelte", TEXT),
    ("svg", "image/svg+xml"),
    ("swift", TEXT),
    ("tar", "application/x-tar"),
    ("tbz2", "application/x-bzip2"),
    ("tex", TEXT),
    ("text", TEXT),
    ("tf", TEXT),
    ("tgz", "application/gzip"),
    ("tif", "image/tiff"),
    ("tiff", "image/tiff"),
    ("toml", TEXT),
    ("torrent", "application/x-bittorrent"),
    ("ts", "video/mp2t"),
    ("tsv", "text/tab-separated-values; charset=utf-8"),
    ("tsx", TEXT),
    ("ttc", "font/collection"),
    ("ttf", "font/ttf"),
    ("txt", TEXT),
    ("txz", "application/x-xz"),
    ("vcf", "text/vcard; charset=utf-8"),
    ("vtt", "text/vtt; charset=utf-8"),
    ("vue", TEXT),
    ("wasm", "application/wasm"),
    ("wav", "audio/wav"),
    ("weba", "audio/webm"),
    ("webm", "video/webm"),
    ("webmanifest", "application/manifest+json"),
    ("webp", "image/webp"),
    ("wmv", "video/x-ms-wmv"),
    ("woff", "font/woff"),
    ("woff2", "font/woff2"),
    ("xht", "application/xhtml+xml"),
    ("xhtml", "application/xhtml+xml"),
    ("xls", "application/vnd.ms-excel"),
    (
        "xlsx",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ),
    ("xml", "application/xml"),
    ("xsd", "application/xml"),
    ("xsl", "application/xslt+xml"),
    ("xslt", "application/xslt+xml"),
    ("xz", "application/x-xz"),
    ("yaml", TEXT),
    ("yml", TEXT),
    ("zig", TEXT),
    ("zip", "application/zip"),
    ("zsh", TEXT),
    ("zst", "application/zstd"),
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_have_types() {
        let table = [
            ("index.html", "text/html; charset=utf-8"),
            ("INDEX.HTM", "text/html; charset=utf-8"),
            ("a/b.c/style.css", "text/css; charset=utf-8"),
            ("app.js", "text/javascript; charset=utf-8"),
            ("app.min.mjs", "text/javascript; charset=utf-8"),
            ("app.js.map", "application/json"),
            ("main.rs", "text/plain; charset=utf-8"),
            ("README", "text/plain; charset=utf-8"),
            ("a/README", "text/plain; charset=utf-8"),
            ("module.wasm", "application/wasm"),
            ("font.woff2", "font/woff2"),
            ("image.avif", "image/avif"),
            ("image.svg", "image/svg+xml"),
            ("favicon.ico", "image/vnd.microsoft.icon"),
            ("film.mp4", "video/mp4"),
            ("film.webm", "video/webm"),
            ("live.m3u8", "application/vnd.apple.mpegurl"),
            ("live-1.ts", "video/mp2t"),
            ("site.webmanifest", "application/manifest+json"),
            ("a.tar.gz", "application/gzip"),
            ("a.zst", "application/zstd"),
            ("html", "application/octet-stream"),
            ("a.html/b", "application/octet-stream"),
            ("a.", "application/octet-stream"),
            ("a.html.", "application/octet-stream"),
            (".html", "text/html; charset=utf-8"),
            ("", "application/octet-stream"),
            ("a.whatever-this-may-be", "application/octet-stream"),
        ];
        for (name, expected) in table {
            assert_eq!(of_name(name.as_bytes()), expected, "{name}");
        }
    }

    #[test]
    fn ends_are_found() {
        assert!(ENDS.is_sorted_by(|(end, _), (next, _)| end < next));
        assert_eq!(
            ENDS.map(|(end, _)| end.len()).into_iter().max(),
            Some(LONGEST)
        );
        for (end, media) in ENDS {
            let name = format!("x.{}", end.to_ascii_uppercase());
            assert_eq!(of_name(name.as_bytes()), media, "{end}");
            let is_text = media.starts_with("text/");
            assert_eq!(media.ends_with("; charset=utf-8"), is_text, "{media}");
        }
    }

    #[test]
    fn what_is_worth_compressing() {
        let ends = [
            "html", "css", "js", "json", "svg", "xml", "wasm", "ttf", "ico", "m3u8", "md", "rss",
        ];
        for end in ends {
            assert!(is_compressible(of_end(end.as_bytes())), "{end}");
        }
        let ends = [
            "png", "jpg", "avif", "woff2", "mp4", "webm", "gz", "zst", "zip", "pdf", "mp3", "docx",
            "bin",
        ];
        for end in ends {
            assert!(!is_compressible(of_end(end.as_bytes())), "{end}");
        }
        for media in COMPRESSIBLE {
            assert!(ENDS.iter().any(|(_, known)| *known == media), "{media}");
        }
    }

    proptest! {
        #[test]
        fn any_name_is_taken(name: Vec<u8>) {
            prop_assert!(of_name(&name).is_ascii());
        }
    }
}
