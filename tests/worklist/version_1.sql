-- The tables as version 1 made them.
CREATE TABLE cases (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    owner TEXT NOT NULL,
    name TEXT NOT NULL,
    origin TEXT NOT NULL,
    source TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('waiting', 'screening', 'screened', 'refused')),
    added TEXT NOT NULL,
    finished TEXT,
    patient TEXT,
    study_date TEXT,
    sex TEXT,
    age REAL,
    view TEXT,
    width INTEGER,
    height INTEGER,
    triage TEXT,
    refusal TEXT,
    probabilities TEXT,
    model_sha256 TEXT,
    result TEXT,
    flagged INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX cases_by_owner ON cases (owner, status);
CREATE INDEX cases_by_patient ON cases (owner, patient);
CREATE INDEX cases_by_origin ON cases (origin);

CREATE TABLE pictures (
    case_id TEXT NOT NULL REFERENCES cases (id),
    kind TEXT NOT NULL,
    content BLOB NOT NULL,
    PRIMARY KEY (case_id, kind)
);

CREATE TABLE decisions (
    number INTEGER PRIMARY KEY,
    case_id TEXT NOT NULL REFERENCES cases (id),
    reader TEXT NOT NULL,
    signed TEXT NOT NULL,
    verdicts TEXT NOT NULL,
    comment TEXT NOT NULL,
    model_sha256 TEXT NOT NULL,
    certificate_sha256 TEXT NOT NULL
);
CREATE INDEX decisions_by_case ON decisions (case_id);

CREATE TABLE audit (
    number INTEGER PRIMARY KEY,
    time TEXT NOT NULL,
    owner TEXT NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    case_id TEXT NOT NULL,
    model_sha256 TEXT NOT NULL,
    certificate_sha256 TEXT NOT NULL,
    detail TEXT NOT NULL,
    previous TEXT NOT NULL,
    hash TEXT NOT NULL
);
CREATE TRIGGER audit_is_never_changed BEFORE UPDATE ON audit
    BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
CREATE TRIGGER audit_is_never_deleted BEFORE DELETE ON audit
    BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
CREATE TRIGGER decisions_are_never_changed BEFORE UPDATE ON decisions
    BEGIN SELECT RAISE(ABORT, 'decisions are append-only'); END;
CREATE TRIGGER decisions_are_never_deleted BEFORE DELETE ON decisions
    BEGIN SELECT RAISE(ABORT, 'decisions are append-only'); END;
PRAGMA user_version = 1;
