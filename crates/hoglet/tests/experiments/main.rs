//! Experiments through the real router, the real flags and the real event engine.

mod hostile;
mod life;
mod management;
mod world;
