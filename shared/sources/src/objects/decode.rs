//! Unpacks a compressed object piece by piece into a reading, without ever holding all of it.

use std::io::{self, Write};

use flate2::write::MultiGzDecoder;
use lethe_domain::marks::MarkBuilder;
use zstd::stream::raw::{DParameter, Decoder as ZstdStream, InBuffer, Operation, OutBuffer};

use super::content::Compression;
use super::lines::NotAnItem;
use super::reading::Reading;

/// How much is unpacked at a time.
const OUT: usize = 128 * 1024;
/// The largest window that is accepted, 128 MiB: what the zstd tool itself accepts without being asked to.
const WINDOW_LOG_MAX: u32 = 27;

/// Why unpacking stopped.
#[derive(Debug)]
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
    /// Why it took no more: the error of [`Write`] cannot say it.
    refused: Option<DecodeError>,
    is_closed: bool,
}

impl<'a> Sink<'a> {
    /// A sink that takes at most `max_bytes`.
    pub(super) fn new(reading: Reading<'a>, marks: &'a mut MarkBuilder, max_bytes: u64) -> Self {
        Self { reading, marks, n_left: max_bytes, refused: None, is_closed: false }
    }

    fn take(&mut self, bytes: &[u8]) -> Result<(), DecodeError> {
        let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        self.n_left = self.n_left.checked_sub(length).ok_or(DecodeError::TooLarge)?;
        self.reading.push(bytes, self.marks).map_err(DecodeError::NotAnItem)
    }
}

impl Write for Sink<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.is_closed {
            return Ok(bytes.len());
        }
        self.take(bytes).map_err(|why| {
            self.refused = Some(why);
            io::Error::from(io::ErrorKind::Other)
        })?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A compressed stream on its way into a sink.
pub(super) enum Decoder<'a> {
    Gzip(MultiGzDecoder<Sink<'a>>),
    Zstd(ZstdDecoder<'a>),
}

pub(super) struct ZstdDecoder<'a> {
    stream: ZstdStream<'static>,
    out: Vec<u8>,
    sink: Sink<'a>,
    /// Whether a frame has begun and not ended.
    in_frame: bool,
}

impl<'a> Decoder<'a> {
    pub(super) fn new(compression: Compression, sink: Sink<'a>) -> Result<Self, DecodeError> {
        match compression {
            Compression::Gzip => Ok(Self::Gzip(MultiGzDecoder::new(sink))),
            Compression::Zstd => {
                let mut stream = ZstdStream::new().map_err(|_| DecodeError::Corrupt)?;
                let window = DParameter::WindowLogMax(WINDOW_LOG_MAX);
                stream.set_parameter(window).map_err(|_| DecodeError::Corrupt)?;
                Ok(Self::Zstd(ZstdDecoder { stream, out: vec![0; OUT], sink, in_frame: false }))
            }
        }
    }

    /// Where the bytes go.
    pub(super) fn sink(&self) -> &Sink<'a> {
        match self {
            Self::Gzip(gzip) => gzip.get_ref(),
            Self::Zstd(zstd) => &zstd.sink,
        }
    }

    /// Leaves the stream where it is. Dropped without this, the gzip decoder would still hand out what it holds, and
    /// those tokens would be counted again by whoever goes on.
    pub(super) fn leave(mut self) {
        if let Self::Gzip(gzip) = &mut self {
            gzip.get_mut().is_closed = true;
        }
    }

    /// Unpacks the next compressed bytes.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<(), DecodeError> {
        match self {
            Self::Gzip(gzip) => {
                let written = gzip.write_all(bytes);
                written.map_err(|_| gzip.get_mut().refused.take().unwrap_or(DecodeError::Corrupt))
            }
            Self::Zstd(zstd) => zstd.push(bytes),
        }
    }

    /// Ends the compressed bytes.
    pub(super) fn finish(self) -> Result<Sink<'a>, DecodeError> {
        match self {
            Self::Gzip(mut gzip) => {
                if let Err(error) = gzip.try_finish() {
                    let cut = error.kind() == io::ErrorKind::UnexpectedEof;
                    let why = if cut { DecodeError::EndedEarly } else { DecodeError::Corrupt };
                    return Err(gzip.get_mut().refused.take().unwrap_or(why));
                }
                gzip.finish().map_err(|_| DecodeError::Corrupt)
            }
            Self::Zstd(zstd) if zstd.in_frame => Err(DecodeError::EndedEarly),
            Self::Zstd(zstd) => Ok(zstd.sink),
        }
    }
}

impl ZstdDecoder<'_> {
    fn push(&mut self, bytes: &[u8]) -> Result<(), DecodeError> {
        let mut input = InBuffer::around(bytes);
        loop {
            let mut output = OutBuffer::around(self.out.as_mut_slice());
            let wanted = self.stream.run(&mut input, &mut output).map_err(|_| DecodeError::Corrupt)?;
            let is_full = output.pos() == output.capacity();
            self.in_frame = 0 < wanted;
            let n_out = output.pos();
            self.sink.take(self.out.get(..n_out).unwrap_or_default())?;
            // A full buffer may hide that more is waiting, unless the frame says that it has ended.
            if input.pos() == bytes.len() && (wanted == 0 || !is_full) {
                return Ok(());
            }
        }
    }
}
