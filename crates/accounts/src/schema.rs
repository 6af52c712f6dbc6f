use db::Migration;

pub const MIGRATIONS: &[Migration] = &[ACCOUNTS, ACTIVITY];

const ACCOUNTS: Migration = Migration {
    version: 1,
    name: "accounts",
    sql: "CREATE TABLE account (
            id {{id}},
            uuid TEXT NOT NULL UNIQUE,
            distinct_id TEXT NOT NULL UNIQUE,
            email TEXT NOT NULL,
            email_key TEXT NOT NULL UNIQUE,
            pending_email TEXT,
            email_verified BOOLEAN NOT NULL,
            password_hash TEXT,
            first_name TEXT NOT NULL,
            last_name TEXT NOT NULL,
            is_staff BOOLEAN NOT NULL,
            is_active BOOLEAN NOT NULL,
            created_at BIGINT NOT NULL,
            last_login BIGINT,
            current_organization TEXT,
            current_team BIGINT,
            settings TEXT NOT NULL
          );
          CREATE TABLE organization (
            id TEXT PRIMARY KEY,
            name TEXT NOT NULL,
            slug TEXT NOT NULL UNIQUE,
            created_at BIGINT NOT NULL,
            updated_at BIGINT NOT NULL,
            settings TEXT NOT NULL
          );
          CREATE TABLE membership (
            id TEXT PRIMARY KEY,
            organization_id TEXT NOT NULL REFERENCES organization (id) ON DELETE CASCADE,
            user_id BIGINT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
            level BIGINT NOT NULL,
            joined_at BIGINT NOT NULL,
            updated_at BIGINT NOT NULL,
            UNIQUE (user_id, organization_id)
          );
          CREATE INDEX membership_organization ON membership (organization_id);
          CREATE TABLE invite (
            id TEXT PRIMARY KEY,
            organization_id TEXT NOT NULL REFERENCES organization (id) ON DELETE CASCADE,
            target_email TEXT NOT NULL,
            first_name TEXT NOT NULL,
            level BIGINT NOT NULL,
            message TEXT,
            mailed BOOLEAN NOT NULL,
            created_by BIGINT REFERENCES account (id) ON DELETE SET NULL,
            created_at BIGINT NOT NULL
          );
          CREATE INDEX invite_organization ON invite (organization_id);
          CREATE TABLE user_session (
            id_hash TEXT PRIMARY KEY,
            user_id BIGINT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
            created_at BIGINT NOT NULL,
            expires_at BIGINT NOT NULL
          );
          CREATE INDEX user_session_user ON user_session (user_id);
          CREATE TABLE personal_api_key (
            id TEXT PRIMARY KEY,
            user_id BIGINT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
            label TEXT NOT NULL,
            value_hash TEXT NOT NULL UNIQUE,
            mask TEXT NOT NULL,
            created_at BIGINT NOT NULL,
            last_used_at BIGINT,
            last_rolled_at BIGINT,
            scopes TEXT NOT NULL,
            scoped_teams TEXT,
            scoped_organizations TEXT
          );
          CREATE INDEX personal_api_key_user ON personal_api_key (user_id);
          CREATE TABLE one_time_token (
            hash TEXT PRIMARY KEY,
            purpose TEXT NOT NULL,
            user_id BIGINT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
            expires_at BIGINT NOT NULL
          );
          CREATE TABLE attempt (
            id TEXT NOT NULL,
            subject TEXT NOT NULL,
            at BIGINT NOT NULL
          );
          CREATE INDEX attempt_subject ON attempt (subject, at);
          CREATE TABLE instance_claim (
            only_row BIGINT PRIMARY KEY,
            claimed_at BIGINT NOT NULL
          );",
};

/// The table is the crate `activity`'s now; the number stays taken.
const ACTIVITY: Migration = Migration { version: 2, name: "activity log", sql: "SELECT 1" };
