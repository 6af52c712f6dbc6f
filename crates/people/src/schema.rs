use db::Migration;

pub const MIGRATIONS: &[Migration] = &[Migration {
    version: 1,
    name: "persons and groups",
    sql: r#"
        CREATE TABLE people_version (team_id BIGINT PRIMARY KEY, version BIGINT NOT NULL);

        CREATE TABLE person (
            id {{id}},
            team_id BIGINT NOT NULL,
            uuid TEXT NOT NULL,
            created_at BIGINT NOT NULL,
            properties TEXT NOT NULL,
            is_identified BOOLEAN NOT NULL,
            version BIGINT NOT NULL,
            last_seen_at BIGINT,
            UNIQUE (team_id, uuid)
        );
        CREATE INDEX person_newest ON person (team_id, created_at, id);

        CREATE TABLE person_distinct_id (
            team_id BIGINT NOT NULL,
            distinct_id TEXT NOT NULL,
            person_uuid TEXT NOT NULL,
            version BIGINT NOT NULL,
            PRIMARY KEY (team_id, distinct_id)
        );
        CREATE INDEX person_distinct_id_person ON person_distinct_id (team_id, person_uuid);

        -- Distinct ids without a person that stored events may already carry. `version` is the highest version that an
        -- override of the id has had, so that the next one is higher.
        CREATE TABLE personless_distinct_id (
            team_id BIGINT NOT NULL,
            distinct_id TEXT NOT NULL,
            version BIGINT NOT NULL,
            PRIMARY KEY (team_id, distinct_id)
        );

        -- What a merge took away, kept to explain it and to undo it.
        CREATE TABLE person_tombstone (
            id {{id}},
            team_id BIGINT NOT NULL,
            uuid TEXT NOT NULL,
            merged_into TEXT NOT NULL,
            merged_at BIGINT NOT NULL,
            event_uuid TEXT NOT NULL,
            created_at BIGINT NOT NULL,
            is_identified BOOLEAN NOT NULL,
            properties TEXT NOT NULL,
            distinct_ids TEXT NOT NULL
        );
        CREATE INDEX person_tombstone_person ON person_tombstone (team_id, uuid);

        CREATE TABLE group_type_mapping (
            team_id BIGINT NOT NULL,
            group_type TEXT NOT NULL,
            group_type_index BIGINT NOT NULL,
            name_singular TEXT,
            name_plural TEXT,
            default_columns TEXT,
            PRIMARY KEY (team_id, group_type),
            UNIQUE (team_id, group_type_index)
        );

        CREATE TABLE person_group (
            id {{id}},
            team_id BIGINT NOT NULL,
            group_type_index BIGINT NOT NULL,
            group_key TEXT NOT NULL,
            properties TEXT NOT NULL,
            created_at BIGINT NOT NULL,
            updated_at BIGINT NOT NULL,
            UNIQUE (team_id, group_type_index, group_key)
        );
    "#,
}];
