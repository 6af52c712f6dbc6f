use db::Migration;

pub const MIGRATIONS: &[Migration] = &[];
