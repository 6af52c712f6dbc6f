//! Ingestion end to end: records in a real queue, a real database of each kind, and an event store that only remembers.

mod cookieless;
mod crashes;
mod definitions;
mod edits;
mod geo;
mod groups;
mod heatmaps;
mod merging;
mod mmdb;
mod persons;
mod shape;
mod warnings;
mod world;
