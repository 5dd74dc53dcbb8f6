//! Unpacks a compressed object piece by piece into a reading, without ever holding all of it.

use lethe_domain::marks::MarkBuilder;
use zstd::stream::raw::{DParameter, Decoder as ZstdStream, InBuffer, Operation, OutBuffer};

use super::content::Compression;
use super::gzip::Gunzip;
use super::lines::NotAnItem;
use super::reading::Reading;

/// How much is unpacked at a time.
const OUT: usize = 128 * 1024;
/// The largest window that is accepted, 128 MiB: what the zstd tool itself accepts without being asked to.
const WINDOW_LOG_MAX: u32 = 27;

/// Why unpacking stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DecodeError {
    /// The compressed bytes are not a stream.
    Corrupt,
    /// The stream is not complete.
    EndedEarly,
    /// It grows over the limit.
    TooLarge,
    /// What it holds is not a table export.
    NotAnItem(NotAnItem),
}

/// Where the unpacked bytes go.
pub(super) struct Sink<'a> {
    pub(super) reading: Reading<'a>,
    pub(super) marks: &'a mut MarkBuilder,
    n_left: u64,
}

impl<'a> Sink<'a> {
    /// A sink that takes at most `max_bytes`.
    pub(super) fn new(reading: Reading<'a>, marks: &'a mut MarkBuilder, max_bytes: u64) -> Self {
        Self { reading, marks, n_left: max_bytes }
    }

    fn take(&mut self, bytes: &[u8]) -> Result<(), DecodeError> {
        let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        self.n_left = self.n_left.checked_sub(length).ok_or(DecodeError::TooLarge)?;
        self.reading.push(bytes, self.marks).map_err(DecodeError::NotAnItem)
    }
}

/// A compressed stream on its way into a sink.
pub(super) struct Decoder<'a> {
    stream: Stream,
    pub(super) sink: Sink<'a>,
}

enum Stream {
    Gzip(Box<Gunzip>),
    Zstd(Unzstd),
}

impl<'a> Decoder<'a> {
    pub(super) fn new(compression: Compression, sink: Sink<'a>) -> Result<Self, DecodeError> {
        let stream = match compression {
            Compression::Gzip => Stream::Gzip(Box::new(Gunzip::new())),
            Compression::Zstd => Stream::Zstd(Unzstd::new()?),
        };
        Ok(Self { stream, sink })
    }

    /// Unpacks the next compressed bytes.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<(), DecodeError> {
        let mut take = |unpacked: &[u8]| self.sink.take(unpacked);
        match &mut self.stream {
            Stream::Gzip(gzip) => gzip.push(bytes, &mut take),
            Stream::Zstd(zstd) => zstd.push(bytes, &mut take),
        }
    }

    /// Ends the compressed bytes.
    pub(super) fn finish(self) -> Result<Sink<'a>, DecodeError> {
        let is_complete = match &self.stream {
            Stream::Gzip(gzip) => gzip.is_complete(),
            Stream::Zstd(zstd) => !zstd.in_frame,
        };
        if is_complete { Ok(self.sink) } else { Err(DecodeError::EndedEarly) }
    }
}

struct Unzstd {
    stream: ZstdStream<'static>,
    out: Vec<u8>,
    /// Whether a frame has begun and not ended.
    in_frame: bool,
}

impl Unzstd {
    fn new() -> Result<Self, DecodeError> {
        let mut stream = ZstdStream::new().map_err(|_| DecodeError::Corrupt)?;
        stream.set_parameter(DParameter::WindowLogMax(WINDOW_LOG_MAX)).map_err(|_| DecodeError::Corrupt)?;
        Ok(Self { stream, out: vec![0; OUT], in_frame: false })
    }

    fn push(
        &mut self,
        bytes: &[u8],
        take: &mut impl FnMut(&[u8]) -> Result<(), DecodeError>,
    ) -> Result<(), DecodeError> {
        let mut input = InBuffer::around(bytes);
        loop {
            let mut output = OutBuffer::around(self.out.as_mut_slice());
            let wanted = self.stream.run(&mut input, &mut output).map_err(|_| DecodeError::Corrupt)?;
            let n_out = output.pos();
            self.in_frame = 0 < wanted;
            take(self.out.get(..n_out).unwrap_or_default())?;
            // A full buffer may hide that more is waiting, unless the frame says that it has ended.
            if input.pos() == bytes.len() && (!self.in_frame || n_out < OUT) {
                return Ok(());
            }
        }
    }
}
