use db::Migration;

pub const MIGRATIONS: &[Migration] = &[Migration {
    version: 1,
    name: "surveys",
    sql: "CREATE TABLE survey (
            id TEXT PRIMARY KEY,
            team_id BIGINT NOT NULL,
            name TEXT NOT NULL,
            description TEXT NOT NULL,
            kind TEXT NOT NULL,
            schedule TEXT NOT NULL,
            questions TEXT NOT NULL,
            conditions TEXT NOT NULL,
            appearance TEXT NOT NULL,
            extra TEXT NOT NULL,
            linked_flag_id BIGINT,
            linked_insight_id BIGINT,
            targeting_flag_id BIGINT,
            internal_targeting_flag_id BIGINT,
            start_date BIGINT,
            end_date BIGINT,
            archived BOOLEAN NOT NULL,
            responses_limit BIGINT,
            iteration_count BIGINT,
            iteration_frequency_days BIGINT,
            iteration_start_dates TEXT NOT NULL,
            current_iteration BIGINT,
            enable_partial_responses BOOLEAN NOT NULL,
            created_by BIGINT,
            created_at BIGINT NOT NULL,
            updated_at BIGINT NOT NULL
          );
          CREATE UNIQUE INDEX survey_name ON survey (team_id, name);
          CREATE INDEX survey_running ON survey (start_date, end_date);",
}];
