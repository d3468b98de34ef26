//! Statements that try to change something. None of them may, whoever asks: the superuser, whom
//! nothing but the read-only transaction holds, and the owner of every table.

use crate::query;
use crate::support::{CMS, Toygres, database};
use std::path::Path;
use toygres_tests::postgres::{Database, PrivatePostgres};

/// Functions with effects, and what the statements below need to be more than syntax.
const TRAPS: &str = r#"
CREATE TABLE public.victim (a int PRIMARY KEY, b text);
INSERT INTO public.victim VALUES (1, 'whole'), (2, 'whole');
CREATE SEQUENCE public.numbers;
CREATE MATERIALIZED VIEW public.seen AS SELECT count(*) FROM public.victim;
CREATE VIEW public.window_to AS SELECT * FROM public.victim;
CREATE FUNCTION public.writes() RETURNS int LANGUAGE plpgsql AS
    'BEGIN DELETE FROM public.victim; RETURN 1; END';
CREATE FUNCTION public.claims_to_be_pure(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS
    'BEGIN PERFORM public.writes(); RETURN 1; END';
CREATE FUNCTION public.unlocks() RETURNS int LANGUAGE plpgsql AS
    'BEGIN SET transaction_read_only = off; DELETE FROM public.victim; RETURN 1; END';
CREATE FUNCTION public.unlocked() RETURNS int LANGUAGE plpgsql SET transaction_read_only = off AS
    'BEGIN DELETE FROM public.victim; RETURN 1; END';
CREATE FUNCTION public.catches() RETURNS int LANGUAGE plpgsql AS
    'BEGIN BEGIN SET transaction_read_only = off; EXCEPTION WHEN OTHERS THEN NULL; END;
     DELETE FROM public.victim; RETURN 1; END';
CREATE FUNCTION public.definer() RETURNS int SECURITY DEFINER LANGUAGE sql AS
    'DELETE FROM public.victim; SELECT 1';
CREATE PROCEDURE public.commits(INOUT a int) LANGUAGE plpgsql AS
    'BEGIN COMMIT; SET default_transaction_read_only = off; DELETE FROM public.victim; COMMIT; END';
CREATE PROCEDURE public.takes(INOUT a text) LANGUAGE plpgsql AS
    'BEGIN DELETE FROM public.victim; END';
CREATE RULE writes AS ON UPDATE TO public.window_to DO INSTEAD DELETE FROM public.victim;
"#;

/// Each with the exit codes that are right for superuser and owner: 0 where it does no harm, 2 where
/// PostgreSQL finds it wrong, 4 where the role may not, 6 where it is refused, 7 where it is late.
const STATEMENTS: &[(&str, &[i32])] = &[
    // More than one.
    ("SELECT 1; DROP TABLE public.victim", &[2]),
    ("SELECT 1; COMMIT; DROP TABLE public.victim", &[2]),
    ("COMMIT; DROP TABLE public.victim", &[2]),
    ("ROLLBACK; BEGIN READ WRITE; DROP TABLE public.victim; COMMIT", &[2]),
    ("SELECT 1) ; DROP TABLE public.victim; --", &[2]),
    ("SELECT 1;;DROP TABLE public.victim", &[2]),
    ("SELECT 1 /* ; */ ; /* */ DROP TABLE public.victim", &[2]),
    ("SELECT 1 -- \n; DROP TABLE public.victim", &[2]),
    ("SELECT 1 -- \r; DROP TABLE public.victim", &[2]),
    ("SELECT $a$;$a$; DROP TABLE public.victim", &[2]),
    ("SELECT E'\\'; DROP TABLE public.victim; --'", &[0]),
    ("SELECT '\\'; DROP TABLE public.victim; --'", &[2]),
    ("SELECT U&'\\0027; DROP TABLE public.victim; --'", &[0]),
    ("EXPLAIN SELECT 1; DROP TABLE public.victim", &[2]),
    ("SHOW work_mem; DROP TABLE public.victim", &[2]),
    ("EXPLAIN SELECT 1; COMMIT; DROP TABLE public.victim", &[2]),
    // Ends or turns the transaction.
    ("COMMIT", &[6]),
    ("COMMIT AND CHAIN", &[6]),
    ("END", &[6]),
    ("ROLLBACK", &[6]),
    ("ROLLBACK AND CHAIN", &[6]),
    ("ABORT", &[6]),
    ("BEGIN READ WRITE", &[6]),
    ("START TRANSACTION READ WRITE", &[6]),
    ("SAVEPOINT a", &[6]),
    ("PREPARE TRANSACTION 'a'", &[6]),
    ("COMMIT PREPARED 'a'", &[6]),
    ("SET TRANSACTION READ WRITE", &[6]),
    ("SET transaction_read_only = off", &[6]),
    ("SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE", &[6]),
    ("SET default_transaction_read_only = off", &[6]),
    ("RESET ALL", &[6]),
    ("DISCARD ALL", &[6]),
    ("SET ROLE toygres", &[6]),
    ("SELECT set_config('transaction_read_only', 'off', false)", &[2]),
    ("SELECT set_config('transaction_read_only', 'off', true)", &[2]),
    ("SELECT set_config('default_transaction_read_only', 'off', false)", &[0]),
    ("SELECT set_config('search_path', 'evil', false)", &[0]),
    ("EXPLAIN ANALYZE SELECT set_config('transaction_read_only', 'off', false)", &[2]),
    ("CALL public.takes(set_config('transaction_read_only', 'off', false))", &[2]),
    // Writes.
    ("INSERT INTO public.victim VALUES (3, 'new')", &[6]),
    ("INSERT INTO public.victim VALUES (3, 'new') RETURNING a", &[6]),
    ("UPDATE public.victim SET b = 'gone'", &[6]),
    ("UPDATE public.victim SET b = 'gone' RETURNING *", &[6]),
    ("UPDATE public.window_to SET b = 'gone'", &[6]),
    ("DELETE FROM public.victim", &[6]),
    ("DELETE FROM public.victim RETURNING *", &[6]),
    ("TRUNCATE public.victim", &[6]),
    (
        "MERGE INTO public.victim v USING (SELECT 1 AS a) s ON v.a = s.a WHEN MATCHED THEN DELETE",
        &[6],
    ),
    ("WITH gone AS (DELETE FROM public.victim RETURNING *) SELECT * FROM gone", &[2, 6]),
    ("WITH new AS (INSERT INTO public.victim VALUES (9) RETURNING *) SELECT * FROM new", &[2, 6]),
    ("WITH a AS (SELECT 1) DELETE FROM public.victim RETURNING *", &[6]),
    ("SELECT * INTO public.copied FROM public.victim", &[6]),
    ("SELECT * FROM public.victim FOR UPDATE", &[6]),
    ("SELECT * FROM public.victim FOR KEY SHARE", &[6]),
    ("LOCK TABLE public.victim", &[6]),
    ("EXPLAIN ANALYZE DELETE FROM public.victim", &[6]),
    ("EXPLAIN ANALYZE INSERT INTO public.victim VALUES (9)", &[6]),
    // Not every release refuses this one, but none keeps the table: nothing is ever committed.
    ("EXPLAIN ANALYZE CREATE TABLE public.copied AS SELECT 1", &[0, 6]),
    ("EXPLAIN ANALYZE CREATE MATERIALIZED VIEW public.copied AS SELECT 1", &[0, 6]),
    ("EXPLAIN (ANALYZE, FORMAT JSON) UPDATE public.victim SET b = 'gone'", &[6]),
    // Changes what there is.
    ("DROP TABLE public.victim", &[6]),
    ("CREATE TABLE public.made (a int)", &[6]),
    ("CREATE TABLE public.made AS SELECT 1", &[6]),
    ("CREATE TEMP TABLE made (a int)", &[6]),
    ("ALTER TABLE public.victim ADD c int", &[6]),
    ("COMMENT ON TABLE public.victim IS 'gone'", &[6]),
    ("GRANT ALL ON public.victim TO public", &[6]),
    ("CREATE ROLE query_made SUPERUSER", &[6]),
    ("ALTER ROLE CURRENT_USER SET default_transaction_read_only = off", &[6]),
    ("ALTER SYSTEM SET work_mem = '1MB'", &[6]),
    ("ALTER SEQUENCE public.numbers RESTART 99", &[6]),
    ("REFRESH MATERIALIZED VIEW public.seen", &[6]),
    ("REINDEX TABLE public.victim", &[6]),
    ("CLUSTER public.victim USING victim_pkey", &[6]),
    ("VACUUM public.victim", &[6]),
    ("ANALYZE public.victim", &[6]),
    ("CHECKPOINT", &[6]),
    ("LOAD 'plpgsql'", &[6]),
    ("CREATE EXTENSION dblink", &[6]),
    ("CREATE FUNCTION public.made() RETURNS int LANGUAGE sql AS 'SELECT 1'", &[6]),
    ("SECURITY LABEL ON TABLE public.victim IS 'gone'", &[6]),
    // Code on the server.
    ("DO $$ BEGIN DELETE FROM public.victim; END $$", &[6]),
    ("DO $$ BEGIN COMMIT; DELETE FROM public.victim; END $$", &[6]),
    ("CALL public.commits(1)", &[2]),
    ("CALL public.takes('a')", &[6]),
    ("SELECT public.writes()", &[6]),
    ("SELECT public.claims_to_be_pure(1)", &[6]),
    ("EXPLAIN SELECT public.claims_to_be_pure(1)", &[6]),
    ("SELECT public.unlocks()", &[2]),
    ("SELECT public.unlocked()", &[2]),
    ("SELECT public.catches()", &[6]),
    ("SELECT public.definer()", &[6]),
    ("SELECT * FROM (VALUES (public.writes())) x", &[6]),
    ("SELECT query_to_xml('DELETE FROM public.victim', true, true, '')", &[2, 6]),
    ("SELECT nextval('public.numbers')", &[6]),
    ("SELECT setval('public.numbers', 99)", &[6]),
    ("SELECT lo_create(4711)", &[0, 6]),
    ("SELECT lo_from_bytea(4711, 'abc')", &[0, 6]),
    ("SELECT lo_import('/etc/hostname', 4712)", &[0, 4, 6]),
    ("SELECT pg_advisory_lock(42)", &[0]),
    ("SELECT pg_notify('channel', 'text')", &[0]),
    ("SELECT txid_current()", &[0]),
    ("SELECT pg_export_snapshot()", &[0]),
    // Files and programs of the server.
    ("COPY public.victim TO '{folder}/copied'", &[6]),
    ("COPY public.victim TO PROGRAM 'touch {folder}/copied'", &[6]),
    ("COPY public.victim FROM PROGRAM 'echo 9'", &[6]),
    ("COPY public.victim TO STDOUT", &[6]),
    ("COPY public.victim FROM STDIN", &[6]),
    ("COPY (DELETE FROM public.victim RETURNING *) TO STDOUT", &[6]),
    // Sessions, cursors, prepared statements.
    ("LISTEN channel", &[6]),
    ("NOTIFY channel", &[6]),
    ("PREPARE p AS DELETE FROM public.victim", &[6]),
    ("EXECUTE p", &[2, 6]),
    ("EXECUTE toygres_1", &[2, 6]),
    ("DEALLOCATE ALL", &[6]),
    ("DECLARE c CURSOR WITH HOLD FOR SELECT 1", &[6]),
    ("FETCH ALL FROM toygres_1", &[2, 6]),
    ("MOVE ALL FROM toygres_1", &[6]),
    ("CLOSE ALL", &[6]),
    // What is no SQL.
    ("\\dt", &[2]),
    ("\\! touch {folder}/copied", &[2]),
    ("\\copy public.victim TO '{folder}/copied'", &[2]),
    ("SELECT 1 \\gexec", &[2]),
    ("SELECT 'unclosed", &[2]),
    ("SELECT \"unclosed", &[2]),
    ("SELECT $$unclosed", &[2]),
    ("SELECT 1 /* unclosed", &[2]),
    ("SELECT 1 -- harmless", &[0]),
    ("/* nothing */", &[6]),
    (";", &[6]),
    (";; SELECT 1 ;;", &[0]),
    ("SELECT", &[0]),
    // Lifts the deadline.
    ("SET statement_timeout = 0", &[6]),
    ("SELECT set_config('statement_timeout', '0', false), pg_sleep(60)", &[7]),
];

/// Everything of the server that a statement might have changed.
#[derive(Debug, PartialEq, Eq)]
struct State {
    dump: String,
    globals: String,
    settings: String,
    files: bool,
}

fn state(database: &Database<'_>, folder: &Path) -> State {
    let server = database.server();
    let globals = "SELECT (SELECT string_agg(rolname || rolsuper, ',' ORDER BY rolname) FROM pg_roles), \
                          (SELECT count(*) FROM pg_db_role_setting), \
                          (SELECT count(*) FROM pg_prepared_xacts), \
                          (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory')";
    State {
        dump: database.dump(),
        globals: database.psql(globals),
        settings: std::fs::read_to_string(server.data().join("postgresql.auto.conf")).unwrap(),
        files: folder.join("copied").exists(),
    }
}

#[test]
fn nothing_changes_whoever_asks() {
    assert!(STATEMENTS.len() >= 60, "{} statements", STATEMENTS.len());
    let server = PrivatePostgres::new().unwrap();
    server.create_role("owner", "").unwrap();
    let database = server.database().unwrap();
    database.psql(&format!("ALTER DATABASE {} OWNER TO owner", database.name));
    database.psql(&format!("ALTER SCHEMA public OWNER TO owner; SET ROLE owner; {CMS}{TRAPS}"));
    // Where the server may write.
    let folder = server.data().to_owned();
    let before = state(&database, &folder);
    let mut wrong = Vec::new();
    for user in ["toygres", "owner"] {
        let url = database.url_for(user);
        for some in STATEMENTS.chunks(16) {
            for (statement, codes) in some {
                let statement = statement.replace("{folder}", &folder.to_string_lossy());
                let ran = query(&url, &[&statement, "-o", "json", "--timeout", "2s"]);
                let whole =
                    if ran.code == 0 { ran.json().is_array() } else { ran.stdout.is_empty() };
                if !codes.contains(&ran.code) || !whole {
                    wrong.push(format!("as {user}: {statement}: {ran:#?}"));
                }
            }
            let now = state(&database, &folder);
            assert!(now == before, "as {user}: {some:#?} changed\n{before:#?}\nto\n{now:#?}");
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_statement_from_a_file_is_held_the_same_way() {
    let database = database(PrivatePostgres::shared(), TRAPS);
    let before = database.dump();
    for (statement, code) in [
        ("SELECT 1;\nDROP TABLE public.victim;\n", 2),
        ("\\set a 1\nDROP TABLE public.victim;\n", 2),
        ("COMMIT;\nDROP TABLE public.victim;\n", 2),
        // A byte order mark is no part of the statement, which changes something.
        ("\u{feff}DROP TABLE public.victim", 6),
        ("SELECT 1 \0; DROP TABLE public.victim", 2),
    ] {
        let ran = Toygres::on(&database.url)
            .input(statement)
            .args(["server", "db-query", "-f", "-"])
            .run()
            .code(code);
        assert_eq!(ran.stdout, "");
    }
    assert_eq!(database.dump(), before);
}

#[test]
fn a_superuser_is_warned() {
    let server = PrivatePostgres::shared();
    query(&server.url(), &["SELECT 1"]).code(0).says("superuser");
    server.create_role("query_plain", "").unwrap();
    let ran = query(&server.url_for("query_plain", "postgres"), &["SELECT 1"]).code(0);
    assert!(!ran.stderr.contains("superuser"), "{ran:#?}");
    server.psql("DROP ROLE query_plain").unwrap();
}
