//! The binary: command line, configuration, wiring of features, shutdown.
//!
//! Start at [`app`], which lists every feature on one screen, then [`pipeline`], which opens what an event passes through.

pub mod app;
pub mod cli;
mod config;
mod data_dir;
mod demo;
mod demo_flags;
mod doctor;
mod flag_files;
mod health;
mod import;
mod ingestion;
mod memory;
mod net;
mod pipeline;
mod secrets;
mod serve;
mod serving;
mod ui;
