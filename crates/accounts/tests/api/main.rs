//! The accounts API through its real router, on both databases.

#![recursion_limit = "256"]

mod activity;
mod keys;
mod members;
mod password;
mod projects;
mod signing_in;
mod signing_up;
mod world;
