use db::Migration;

pub const MIGRATIONS: &[Migration] = &[Migration {
    version: 1,
    name: "positions, overrides on their way, cookieless state, heatmaps, restrictions",
    sql: r#"
        -- One row: the queue offset up to which persons and groups were written. The event store may be behind after a crash.
        CREATE TABLE ingest_position (id BIGINT PRIMARY KEY, position BIGINT NOT NULL);

        -- Overrides written with their batch, until the event store has them.
        CREATE TABLE person_override_outbox (
            team_id BIGINT NOT NULL,
            distinct_id TEXT NOT NULL,
            person_uuid TEXT NOT NULL,
            version BIGINT NOT NULL,
            position BIGINT NOT NULL,
            PRIMARY KEY (team_id, distinct_id)
        );

        CREATE TABLE cookieless_salt (day TEXT PRIMARY KEY, salt {{bytes}} NOT NULL);
        CREATE TABLE cookieless_identify (
            team_id BIGINT NOT NULL, day TEXT NOT NULL, hash TEXT NOT NULL, event_uuid TEXT NOT NULL,
            PRIMARY KEY (team_id, day, hash, event_uuid)
        );
        CREATE TABLE cookieless_session (
            team_id BIGINT NOT NULL, day TEXT NOT NULL, hash TEXT NOT NULL, session_id TEXT NOT NULL, last_activity BIGINT NOT NULL,
            PRIMARY KEY (team_id, day, hash)
        );

        CREATE TABLE heatmap (
            id {{id}},
            team_id BIGINT NOT NULL,
            timestamp BIGINT NOT NULL,
            session_id TEXT NOT NULL,
            distinct_id TEXT NOT NULL,
            type TEXT NOT NULL,
            x BIGINT NOT NULL,
            y BIGINT NOT NULL,
            scale_factor BIGINT NOT NULL,
            viewport_width BIGINT NOT NULL,
            viewport_height BIGINT NOT NULL,
            pointer_target_fixed BOOLEAN NOT NULL,
            current_url TEXT NOT NULL
        );
        CREATE INDEX heatmap_newest ON heatmap (team_id, timestamp);

        CREATE TABLE event_restriction (
            id {{id}},
            token TEXT NOT NULL,
            kind TEXT NOT NULL,
            distinct_ids TEXT NOT NULL DEFAULT '[]',
            session_ids TEXT NOT NULL DEFAULT '[]',
            event_names TEXT NOT NULL DEFAULT '[]',
            event_uuids TEXT NOT NULL DEFAULT '[]',
            created_at BIGINT NOT NULL
        );
    "#,
}];
