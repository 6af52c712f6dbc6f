//! `hoglet`: a drop-in PostHog in one program.

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    hoglet::cli::main()
}
