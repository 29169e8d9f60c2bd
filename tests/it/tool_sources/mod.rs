//! Sources of tools that lie, stall, flood and fail, and what a turn makes of them.

mod offers;
mod turns;
