//! The HTTP edge that features share: errors, who is calling, JSON bodies.
