//! Compressed bytes to plain bytes, streamed, within hard limits.

use crate::body::Grant;
use flate2::{Decompress, FlushDecompress, Status};
use std::cell::Cell;
use std::io::{BufReader, Read};

/// A payload may be this large whatever its ratio: batches of similar events compress very well.
const FREE_OUTPUT: usize = 24 << 20;
/// Beyond that, more output per byte of input than real events ever give is a bomb.
const MAX_RATIO: usize = 250;
const CHUNK: usize = 32 << 10;
/// 16 MiB of history; standard encoders at their highest usual level stay below.
const ZSTD_WINDOW_LOG: u32 = 24;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Gzip,
    /// With a zlib header, as HTTP's `deflate` means it.
    Deflate,
    Brotli,
    Zstd,
}

#[derive(Debug, PartialEq, Eq)]
pub enum DecompressError {
    /// Not this format, damaged, or cut off.
    Invalid,
    /// Output so far, and the limit that it would exceed.
    TooLarge { limit: usize, got: usize },
    /// The server has no memory left for it now.
    Busy,
}

/// The plain bytes of `input`, at most `limit` of them. Memory is taken from `grant`.
pub fn decompress(format: Format, input: &[u8], limit: usize, grant: &mut Grant) -> Result<Vec<u8>, DecompressError> {
    match format {
        Format::Gzip => inflate(Decompress::new_gzip(15), input, limit, grant),
        Format::Deflate => inflate(Decompress::new(true), input, limit, grant),
        Format::Brotli => {
            let taken = Cell::new(0);
            copy(brotli::Decompressor::new(Counted { rest: input, taken: &taken }, CHUNK), &taken, limit, grant)
        }
        Format::Zstd => {
            let taken = Cell::new(0);
            let buffered = BufReader::with_capacity(CHUNK, Counted { rest: input, taken: &taken });
            let mut decoder = zstd::stream::read::Decoder::with_buffer(buffered).map_err(|_| DecompressError::Invalid)?;
            decoder.window_log_max(ZSTD_WINDOW_LOG).map_err(|_| DecompressError::Invalid)?;
            copy(decoder, &taken, limit, grant)
        }
    }
}

/// Input that knows how much of it was used.
struct Counted<'a> {
    rest: &'a [u8],
    taken: &'a Cell<usize>,
}

impl Read for Counted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.rest.read(buffer)?;
        self.taken.set(self.taken.get() + read);
        Ok(read)
    }
}

/// Whether `output` bytes from the first `input` bytes are still believable, and if so, memory for them.
pub fn admit(input: usize, output: usize, limit: usize, grant: &mut Grant) -> Result<(), DecompressError> {
    let bomb = output > FREE_OUTPUT && output / MAX_RATIO > input;
    if output > limit || bomb {
        return Err(DecompressError::TooLarge { limit: if bomb { limit.min(FREE_OUTPUT) } else { limit }, got: output });
    }
    if grant.reach(output) { Ok(()) } else { Err(DecompressError::Busy) }
}

fn inflate(mut state: Decompress, input: &[u8], limit: usize, grant: &mut Grant) -> Result<Vec<u8>, DecompressError> {
    let mut out = Vec::with_capacity((input.len() * 4).clamp(CHUNK, 1 << 20));
    loop {
        let (read, written) = (state.total_in(), out.len());
        let rest = input.get(read as usize..).unwrap_or_default();
        let status = state.decompress_vec(rest, &mut out, FlushDecompress::None).map_err(|_| DecompressError::Invalid)?;
        admit(state.total_in() as usize, out.len(), limit, grant)?;
        if status == Status::StreamEnd {
            return Ok(out);
        }
        if out.len() == out.capacity() {
            out.reserve_exact(out.len().clamp(CHUNK, 4 << 20));
        } else if state.total_in() == read && out.len() == written {
            // Neither more input nor lack of room: the stream is cut off.
            return Err(DecompressError::Invalid);
        }
    }
}

fn copy(mut reader: impl Read, taken: &Cell<usize>, limit: usize, grant: &mut Grant) -> Result<Vec<u8>, DecompressError> {
    let mut out = Vec::with_capacity(CHUNK);
    let mut chunk = vec![0; CHUNK];
    loop {
        let read = reader.read(&mut chunk).map_err(|_| DecompressError::Invalid)?;
        if read == 0 {
            return Ok(out);
        }
        admit(taken.get(), out.len() + read, limit, grant)?;
        out.extend_from_slice(&chunk[..read]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::body::Budget;
    use proptest::prelude::*;
    use std::io::Write;

    const FORMATS: [Format; 4] = [Format::Gzip, Format::Deflate, Format::Brotli, Format::Zstd];

    fn compress(format: Format, plain: &[u8]) -> Vec<u8> {
        let level = flate2::Compression::default();
        match format {
            Format::Gzip => {
                let mut encoder = flate2::write::GzEncoder::new(Vec::new(), level);
                encoder.write_all(plain).unwrap();
                encoder.finish().unwrap()
            }
            Format::Deflate => {
                let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), level);
                encoder.write_all(plain).unwrap();
                encoder.finish().unwrap()
            }
            Format::Brotli => {
                let mut out = Vec::new();
                brotli::CompressorWriter::new(&mut out, 4096, 4, 20).write_all(plain).unwrap();
                out
            }
            Format::Zstd => zstd::encode_all(plain, 3).unwrap(),
        }
    }

    fn run(format: Format, input: &[u8], limit: usize) -> Result<Vec<u8>, DecompressError> {
        decompress(format, input, limit, &mut Budget::new(1 << 30).grant())
    }

    #[test]
    fn every_format_gives_back_what_went_in() {
        let plain: Vec<u8> = (0..200_000u32).flat_map(|number| (number % 1000).to_string().into_bytes()).collect();
        for format in FORMATS {
            assert_eq!(run(format, &compress(format, &plain), 1 << 20).unwrap(), plain, "{format:?}");
            assert_eq!(run(format, &compress(format, b""), 1 << 20).unwrap(), b"", "{format:?}");
        }
    }

    #[test]
    fn a_cut_off_stream_is_invalid_at_every_length() {
        for format in FORMATS {
            let whole = compress(format, b"{\"event\":\"a\"}");
            for length in 1..whole.len() {
                let result = run(format, &whole[..length], 1 << 20);
                assert!(result.is_err() || result.as_deref() != Ok(b"{\"event\":\"a\"}"), "{format:?} cut to {length}");
            }
        }
    }

    #[test]
    fn bombs_stop_early() {
        let zeroes = vec![0; 60 << 20];
        for format in FORMATS {
            let bomb = compress(format, &zeroes);
            match run(format, &bomb, 100 << 20) {
                Err(DecompressError::TooLarge { got, .. }) => assert!(got < 32 << 20, "{format:?} gave {got} bytes before it was stopped"),
                other => panic!("{format:?}: {:?}", other.map(|out| out.len())),
            }
        }
    }

    #[test]
    fn the_limit_is_exact() {
        for format in FORMATS {
            let input = compress(format, &[b'x'; 1000]);
            assert_eq!(run(format, &input, 1000).unwrap().len(), 1000);
            assert!(matches!(run(format, &input, 999), Err(DecompressError::TooLarge { limit: 999, .. })), "{format:?}");
        }
    }

    #[test]
    fn memory_runs_out_politely() {
        let input = compress(Format::Gzip, &vec![b'x'; 10 << 20]);
        let budget = Budget::new(4 << 20);
        let result = decompress(Format::Gzip, &input, 100 << 20, &mut budget.grant());
        assert_eq!(result, Err(DecompressError::Busy));
        assert!(budget.grant().reach(4 << 20), "what was taken is given back");
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            for format in FORMATS {
                let _ = run(format, &bytes, 1 << 20);
            }
        }

        #[test]
        fn damaged_streams_never_panic(at in 0usize..200, value in any::<u8>()) {
            for format in FORMATS {
                let mut bytes = compress(format, "{\"event\":\"a\",\"distinct_id\":\"b\"}".repeat(20).as_bytes());
                let at = at % bytes.len();
                bytes[at] = value;
                let _ = run(format, &bytes, 1 << 20);
            }
        }
    }
}
