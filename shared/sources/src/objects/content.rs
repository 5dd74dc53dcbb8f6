//! Tells from an object's name and first bytes how it is packed. Files in which no token could ever be seen are
//! named and refused: they would pass for files without tokens.

/// How an object is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compression {
    /// RFC 1952, one or more members.
    Gzip,
    /// RFC 8878, one or more frames.
    Zstd,
}

impl Compression {
    /// What the end of a key promises.
    pub(crate) fn by_name(key: &str) -> Option<Self> {
        let (_, suffix) = key.rsplit_once('.')?;
        match suffix.to_ascii_lowercase().as_str() {
            "gz" | "gzip" => Some(Self::Gzip),
            "zst" | "zstd" => Some(Self::Zstd),
            _ => None,
        }
    }
}

/// What the first bytes of an object are those of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// Text, as far as can be seen.
    Plain,
    /// Something that can be unpacked.
    Compressed(Compression),
    /// Something that cannot.
    Unsupported(&'static str),
}

/// How many first bytes [`Content::of`] needs.
pub(super) const HEAD: u64 = 16;

const UNSUPPORTED: [(&[u8], &str); 12] = [
    (b"7z\xbc\xaf\x27\x1c", "7-Zip"),
    (b"Rar!", "RAR"),
    (b"PK\x03\x04", "zip"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"\x04\x22\x4d\x18", "lz4"),
    (b"\xff\x06\x00\x00sNaPpY", "snappy"),
    (b"PAR1", "Parquet"),
    (b"ORC", "ORC"),
    (b"Obj\x01", "Avro"),
    (b"\xff\xfe", "text in UTF-16"),
    (b"\xfe\xff", "text in UTF-16"),
];

impl Content {
    pub(super) fn of(head: &[u8]) -> Self {
        if head.starts_with(&[0x1f, 0x8b]) {
            return Self::Compressed(Compression::Gzip);
        }
        if is_zstd(head) {
            return Self::Compressed(Compression::Zstd);
        }
        let known = UNSUPPORTED.iter().find(|(magic, _)| head.starts_with(magic));
        known.map_or(Self::Plain, |(_, name)| Self::Unsupported(name))
    }
}

/// A frame, or one of the sixteen kinds of frames to skip.
fn is_zstd(head: &[u8]) -> bool {
    matches!(head, [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_promise_a_compression_in_any_case() {
        for (key, expected) in [
            ("a/b.json", None),
            ("gz", None),
            ("a.gz/b", None),
            ("a/b.json.gz", Some(Compression::Gzip)),
            ("B.GZIP", Some(Compression::Gzip)),
            ("b.zst", Some(Compression::Zstd)),
            ("b.Zstd", Some(Compression::Zstd)),
        ] {
            assert_eq!(Compression::by_name(key), expected, "{key}");
        }
    }

    #[test]
    fn first_bytes_tell_what_an_object_is() {
        for (head, expected) in [
            (&b""[..], Content::Plain),
            (b"{\"a\":1}", Content::Plain),
            (b"\x1f", Content::Plain),
            (b"\x1f\x8b\x08", Content::Compressed(Compression::Gzip)),
            (b"\x28\xb5\x2f\xfd\x00", Content::Compressed(Compression::Zstd)),
            (b"\x5a\x2a\x4d\x18", Content::Compressed(Compression::Zstd)),
            (b"PAR1....", Content::Unsupported("Parquet")),
            (b"PK\x03\x04", Content::Unsupported("zip")),
            (b"\xff\xfet\0", Content::Unsupported("text in UTF-16")),
        ] {
            assert_eq!(Content::of(head), expected, "{head:?}");
        }
    }
}
