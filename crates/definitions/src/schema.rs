use db::Migration;

pub const MIGRATIONS: &[Migration] = &[Migration {
    version: 1,
    name: "definitions and ingestion warnings",
    sql: r#"
        CREATE TABLE event_definition (
            id TEXT PRIMARY KEY,
            team_id BIGINT NOT NULL,
            name TEXT NOT NULL,
            created_at BIGINT NOT NULL,
            last_seen_at BIGINT,
            description TEXT,
            owner BIGINT,
            tags TEXT NOT NULL DEFAULT '[]',
            verified BOOLEAN NOT NULL DEFAULT FALSE,
            verified_at BIGINT,
            verified_by BIGINT,
            hidden BOOLEAN NOT NULL DEFAULT FALSE,
            default_columns TEXT,
            updated_at BIGINT,
            updated_by BIGINT,
            UNIQUE (team_id, name)
        );

        -- kind: 1 event, 2 person, 3 group, 4 session. group_type_index: -1 unless kind is 3.
        CREATE TABLE property_definition (
            id TEXT PRIMARY KEY,
            team_id BIGINT NOT NULL,
            name TEXT NOT NULL,
            kind BIGINT NOT NULL,
            group_type_index BIGINT NOT NULL,
            property_type TEXT,
            is_numerical BOOLEAN NOT NULL DEFAULT FALSE,
            created_at BIGINT NOT NULL,
            description TEXT,
            tags TEXT NOT NULL DEFAULT '[]',
            verified BOOLEAN NOT NULL DEFAULT FALSE,
            verified_at BIGINT,
            verified_by BIGINT,
            hidden BOOLEAN NOT NULL DEFAULT FALSE,
            updated_at BIGINT,
            updated_by BIGINT,
            UNIQUE (team_id, kind, group_type_index, name)
        );

        CREATE TABLE event_property (
            team_id BIGINT NOT NULL,
            event TEXT NOT NULL,
            property TEXT NOT NULL,
            PRIMARY KEY (team_id, event, property)
        );
        CREATE INDEX event_property_property ON event_property (team_id, property);

        CREATE TABLE ingestion_warning (
            id {{id}},
            team_id BIGINT NOT NULL,
            source TEXT NOT NULL,
            type TEXT NOT NULL,
            details TEXT NOT NULL,
            timestamp BIGINT NOT NULL
        );
        CREATE INDEX ingestion_warning_newest ON ingestion_warning (team_id, timestamp);
    "#,
}];
