//! What of `supabase/migrations` stands elsewhere in words of its own: the functions in `functions`, in
//! Rust, and the triggers here, in SQLite's. Each is known by its digest, so that a statement that
//! changes has to be looked at again: then `local::tests::schema` says the new one.

use super::{computed, saved};
use crate::local_supabase::migrations::{Registration, TriggerBody};

const fn rust(file: &'static str, statement: &'static str, sha256: &'static str) -> Registration {
    Registration { file, statement, sha256, trigger: None, computed: None }
}

const fn trigger(
    file: &'static str,
    statement: &'static str,
    sha256: &'static str,
    when: &'static str,
    statements: &'static str,
) -> Registration {
    Registration {
        file,
        statement,
        sha256,
        trigger: Some(TriggerBody { when, statements }),
        computed: None,
    }
}

const fn computed(
    file: &'static str,
    statement: &'static str,
    sha256: &'static str,
    words: &'static str,
) -> Registration {
    Registration { file, statement, sha256, trigger: None, computed: Some(words) }
}

/// `private.place_message` and, because SQLite leaves the order of two triggers open, `private.touch_chat`.
const PLACE_MESSAGE: &str = "
    update messages
      set parent_id = (
        select m.id
          from messages m
          where m.chat_id = new.chat_id and m.user_id = new.user_id and m.is_active
            and (m.created_at <= new.created_at or new.created_at > clock_timestamp() - 60000000)
            and m.id <> new.id
            and m.id not in (select message_id from \"private.queued_messages\"
              where chat_id = new.chat_id and user_id = new.user_id)
          order by m.created_at desc, m.id desc
          limit 1)
      where rowid = new.rowid and new.parent_id is null and new.is_active;
    update messages
      set created_at = parent.created_at + 1
      from messages parent
      where messages.rowid = new.rowid and parent.id = messages.parent_id
        and parent.chat_id = new.chat_id and parent.user_id = new.user_id
        and parent.created_at >= messages.created_at;
    update chats
      set last_message_at = max(coalesce(last_message_at, m.created_at), m.created_at)
      from messages m
      where m.rowid = new.rowid and chats.id = new.chat_id and chats.user_id = new.user_id;";

/// All of them, in the order of the files.
pub static REGISTRATIONS: &[Registration] = &[
    trigger(
        "20261122000001_tables.sql",
        "create function private.place_message",
        "a617ff7710071cb8",
        "",
        PLACE_MESSAGE,
    ),
    trigger(
        "20261122000001_tables.sql",
        "create function private.touch_chat",
        "6dca2539a2f2f082",
        "",
        "",
    ),
    rust("20261122000001_tables.sql", "create function public.search_chats", "2a5d0348d73c7281"),
    rust("20261122000001_tables.sql", "create function public.toggle_chat", "fd0e0827acae6fac"),
    rust("20261122000001_tables.sql", "do", "05858906ff410dc9"),
    rust("20261122000002_generation.sql", "create function private.acting_user", "dfdff2d8645c0cee"),
    rust("20261122000002_generation.sql", "create function private.run_id", "05e95c17c5b3a8a3"),
    rust("20261122000002_generation.sql", "create function private.message_json", "89e8a1bc2e15760b"),
    rust("20261122000002_generation.sql", "create function private.record_usage", "7ea7b5fdc23bd991"),
    rust("20261122000002_generation.sql", "create function private.estimated_usage", "93fb101e9311ca97"),
    rust("20261122000002_generation.sql", "create function private.end_lapsed", "09af60a2866d65a2"),
    rust("20261122000003_analytics.sql", "create function private.local_start", "0e844a1e55f9aabf"),
    rust("20261122000003_analytics.sql", "create function private.local_text", "d2a554269cdb2d1e"),
    rust("20261122000003_analytics.sql", "create function private.bucket_starts", "1d03d054d5b930bc"),
    rust("20261122000003_analytics.sql", "create function private.usage_json", "b222897c5f11a4b8"),
    rust("20261122000003_analytics.sql", "create function private.percentiles_json", "b08df15e30c4b7bc"),
    rust("20261122000003_analytics.sql", "create function public.chat_statistics", "d6bf2b08e1707688"),
    rust("20261122000003_analytics.sql", "create function public.record_events", "97612a30e537262c"),
    rust("20261122000004_daily_tokens.sql", "create function private.require_caller", "a82b9b3aab71c638"),
    rust("20261122000004_daily_tokens.sql", "create function private.daily_tokens", "d2438d141ece0483"),
    rust("20261122000004_daily_tokens.sql", "create function private.reserve_for_answer", "91045e7945e46a56"),
    rust("20261122000004_daily_tokens.sql", "create function private.settle_reservation", "2fe87b64c63fde2a"),
    rust("20261122000004_daily_tokens.sql", "create function private.over_limit", "cab7e75020f91c64"),
    rust("20261122000005_files.sql", "create function public.begin_file", "d2aec171275b6323"),
    rust("20261122000005_files.sql", "create function public.finish_file", "5fae22b1ef6b18ac"),
    rust("20261122000005_files.sql", "do", "f4bdfce4dc85f97a"),
    rust("20261122000007_check.sql", "create function public.schema_report", "25977960c14c50d0"),
    rust("20261126000001_bytes.sql", "create or replace function public.usage_statistics", "657abd085b9a727d"),
    trigger(
        "20261126000002_script_runs.sql",
        "create function private.forget_script_runs",
        "23f9863c8db547b7",
        "
        (select count(*) > 1000 or sum(octet_length(code) + octet_length(stdout) + octet_length(stderr) + octet_length(files)
            + octet_length(limits) + coalesce(octet_length(input), 0)
            + coalesce(octet_length(result), 0) + coalesce(octet_length(error), 0)) > 67108864 from script_runs where user_id = new.user_id)",
        "
        delete from script_runs where id in (
          select id from (
            select id, row_number() over newest as runs, sum(octet_length(code) + octet_length(stdout) + octet_length(stderr) + octet_length(files)
            + octet_length(limits) + coalesce(octet_length(input), 0)
            + coalesce(octet_length(result), 0) + coalesce(octet_length(error), 0)) over newest as bytes
            from script_runs
            where user_id = new.user_id
            window newest as (order by created_at desc, id desc rows unbounded preceding)
          ) where runs > 900 or bytes > 58720256
        );",
    ),
    rust("20261126000002_script_runs.sql", "create or replace function public.search_files", "d2561c32d70800e1"),
    rust("20261126000003_check.sql", "create function private.described_grants", "cf6dc9b5c9a91542"),
    rust("20261126000003_check.sql", "create function private.described_owner", "bac9367358993537"),
    rust("20261126000003_check.sql", "create function public.describe_schema", "55f49f46a09fdcb0"),
    rust("20261127000010_generation.sql", "create function private.lease", "8ba1170c124e6ccf"),
    rust("20261127000010_generation.sql", "create function private.record_lapsed_run", "c70ddf2e94fc05de"),
    rust("20261127000010_generation.sql", "create function private.count_lapsed", "b4e50b8456179de5"),
    rust("20261127000010_generation.sql", "create function public.count_lapsed_usage", "922d4dcaa057b4b2"),
    rust("20261127000010_generation.sql", "create function private.release_leases", "4b5ebe6973e7f1b1"),
    rust("20261127000010_generation.sql", "create function public.release_leases", "b0bdfef77b66009f"),
    rust("20261127000010_generation.sql", "create or replace function private.record_lapsed_usage", "244fd88bdd9bb2d5"),
    rust("20261127000010_generation.sql", "create function private.open_run", "37b5fdcb75414e6d"),
    rust("20261127000010_generation.sql", "create or replace function private.reserve_tokens", "4459cc2de52d8ccb"),
    rust("20261127000010_generation.sql", "create or replace function private.renew_reservation", "37baa6b923ed94a5"),
    rust("20261127000010_generation.sql", "create or replace function private.reserve_or_raise", "d51e644df72f4a44"),
    rust("20261127000010_generation.sql", "create or replace function public.reserve_tokens", "40551ef06f074824"),
    rust("20261127000010_generation.sql", "create function private.as_edited", "78763c11d2e41438"),
    rust("20261127000010_generation.sql", "create or replace function private.replace_question", "48756b6310c98ad5"),
    rust("20261127000010_generation.sql", "create function private.take_place", "399c77588a02e58b"),
    rust("20261127000010_generation.sql", "create function private.find_call_at_work", "d521f395985a1d72"),
    rust("20261127000010_generation.sql", "create or replace function public.begin_generation", "ff3ef784f3a0d065"),
    rust("20261127000010_generation.sql", "create or replace function private.started", "2197aeb6d326a3d1"),
    rust("20261127000010_generation.sql", "create or replace function public.save_generation", "9e640f8438d8b782"),
    rust("20261127000010_generation.sql", "create or replace function public.request_stop", "ce9ff30de4889066"),
    rust("20261127000020_checkpoints.sql", "create function private.text_of", "251bc3674fecf8e1"),
    rust("20261127000020_checkpoints.sql", "create function private.saved_parts", "595d1aa7ca76c143"),
    rust("20261127000020_checkpoints.sql", "create function private.as_saved", "66642e7b330f77a4"),
    rust("20261127000020_checkpoints.sql", "create function private.run_is_live", "2a7c57f49aec9b79"),
    computed("20261127000020_checkpoints.sql", "create or replace function public.current_status", "5c7868bebbbfd75a", saved::STATUS),
    computed("20261127000020_checkpoints.sql", "create function public.current_content", "a663a662f2b73bf6", saved::CONTENT),
    computed("20261127000020_checkpoints.sql", "create function public.current_parts", "4f7d00667e21350c", saved::PARTS),
    computed("20261127000020_checkpoints.sql", "create function public.current_metadata", "f924895cbefe1cee", saved::METADATA),
    rust("20261127000020_checkpoints.sql", "create or replace function private.message_json", "a8e5ced5081c116f"),
    rust("20261127000020_checkpoints.sql", "create or replace function public.search_chats", "533fd3e81fcb0351"),
    rust("20261127000020_checkpoints.sql", "create function private.lock_run", "5140a0d297635762"),
    rust("20261127000020_checkpoints.sql", "create function private.save_checkpoint", "8267939647630ada"),
    rust("20261127000020_checkpoints.sql", "create function public.save_checkpoints", "f13e1712e64bab12"),
    rust("20261127000020_checkpoints.sql", "create function private.pieces_after", "26b01dec79272593"),
    rust("20261127000020_checkpoints.sql", "create function public.follow_answer", "99d983521cfe2fa7"),
    rust("20261127000020_checkpoints.sql", "create function private.end_with_saved", "753830e5a73a8687"),
    rust("20261127000020_checkpoints.sql", "create or replace function private.end_lapsed", "6c91dca063d7ea82"),
    rust("20261127000020_checkpoints.sql", "create function private.end_lapsed_row", "db31eb3a8efa6dbe"),
    rust("20261127000020_checkpoints.sql", "create or replace function private.count_lapsed", "42b0613319daa382"),
    rust("20261127000020_checkpoints.sql", "create or replace function private.record_usage", "c1218d3fbc5ac8e6"),
    rust("20261127000020_checkpoints.sql", "create or replace function private.reserve_for_answer", "c1f2af8e5ca5581c"),
    rust("20261127000020_checkpoints.sql", "create or replace function private.find_call_at_work", "e490fa7a9cd7062d"),
    rust("20261127000020_checkpoints.sql", "create or replace function public.save_generation", "b61f32518a7b1dd4"),
    rust("20261127000020_checkpoints.sql", "create or replace function public.request_stop", "19eab24d63e60417"),
    rust("20261127000030_peers.sql", "create function private.move_pieces", "ea1d263012c5d6eb"),
    rust("20261127000030_peers.sql", "create function public.take_over_generation", "9f00435f9757eded"),
    rust("20261127000040_tool_calls.sql", "create function private.with_outcomes", "7e55068224895342"),
    rust("20261127000040_tool_calls.sql", "create function private.outcomes", "088c6990fbf290e3"),
    rust("20261127000040_tool_calls.sql", "create function private.add_tool_calls", "745a0081aefc7155"),
    rust("20261127000040_tool_calls.sql", "create function private.end_calls", "a605ab28f151db26"),
    rust("20261127000040_tool_calls.sql", "create function private.supersede_calls", "2a9e9816b7d32558"),
    rust("20261127000040_tool_calls.sql", "create function private.record_outcomes", "d611379a7dbcf451"),
    rust("20261127000040_tool_calls.sql", "create function private.call_summary", "a6b058d180cd60ad"),
    rust("20261127000040_tool_calls.sql", "create function private.message_of_call", "58da77c38bb4f090"),
    rust("20261127000040_tool_calls.sql", "create function public.answer_tool_calls", "86b6ade845da8ea7"),
    rust("20261127000040_tool_calls.sql", "create function private.save_earlier", "5d128b67526a5116"),
    rust("20261127000040_tool_calls.sql", "create function private.begin_again", "f7a0da4812a9db2e"),
    rust("20261127000040_tool_calls.sql", "create function public.continue_generation", "4cfe8c40dcae8b83"),
    rust("20261127000040_tool_calls.sql", "create or replace function public.begin_generation", "aaebddca4ab99e9b"),
    rust("20261127000040_tool_calls.sql", "create or replace function public.save_generation", "2c80ae62c8075f88"),
    rust("20261127000040_tool_calls.sql", "create or replace function public.request_stop", "86fa39cfd4dbdb0f"),
    rust("20261127000050_branches.sql", "create function private.is_queued", "2f5940d4301303dc"),
    rust("20261127000050_branches.sql", "create function private.queue_of", "7df3c207ec6170eb"),
    rust("20261127000050_branches.sql", "create function private.list_queue", "55711b65be2111de"),
    rust("20261127000050_branches.sql", "create function public.queued_messages", "dfd8bbb084a0c3a9"),
    rust("20261127000050_branches.sql", "create function private.add_to_queue", "fcb845f1869b8cd2"),
    rust("20261127000050_branches.sql", "create function private.take_from_queue", "b8deafe9e778a348"),
    rust("20261127000050_branches.sql", "create function private.newest_in_path", "1ced2cecf29c7bdf"),
    rust("20261127000050_branches.sql", "create function private.queue_message", "f22db0c205446564"),
    rust("20261127000050_branches.sql", "create function private.end_waiting", "c0c3eb9180a35b64"),
    rust("20261127000050_branches.sql", "create function private.move_queue_behind", "00644a12efe05770"),
    rust("20261127000050_branches.sql", "create function private.path_to", "1e057a8fc412b94a"),
    rust("20261127000050_branches.sql", "create function private.branching_point", "36165a6e24718876"),
    rust("20261127000050_branches.sql", "create function private.activate_path", "33d06248abacf34e"),
    trigger(
        "20261127000050_branches.sql",
        "create function private.note_end",
        "df1aef1a13e3450a",
        "
            new.status <> 'streaming' and (old.status = 'streaming'
                or (old.lease_expires_at is not null and new.parts is not old.parts))",
        "
        insert into \"private.unread_answers\" (chat_id, user_id, message_id, ended_at)
          values (new.chat_id, new.user_id, new.id, clock_timestamp())
          on conflict (chat_id) do update
            set user_id = excluded.user_id, message_id = excluded.message_id,
                ended_at = excluded.ended_at;",
    ),
    rust("20261127000050_branches.sql", "create function private.find_unread", "15068da93c16160a"),
    computed("20261127000050_branches.sql", "create function public.unread_answer", "76fc4b06e563ea9c", computed::UNREAD),
    rust("20261127000050_branches.sql", "create function private.forget_unread", "65b23d894958a2ec"),
    rust("20261127000050_branches.sql", "create function public.mark_answer_read", "1a8cf77dcf64caa0"),
    rust("20261127000050_branches.sql", "create function public.answer_to_resume", "ce343f6b09db88f9"),
    computed("20261127000050_branches.sql", "create function public.sibling_ids", "1ebb0b415977bbb0", computed::SIBLINGS),
    rust("20261127000050_branches.sql", "create function public.select_message", "e1a82b08eb5f0c78"),
    rust("20261127000050_branches.sql", "create or replace function private.take_place", "c3c00f851359838a"),
    rust("20261127000050_branches.sql", "create or replace function private.started", "c8590d92568c5267"),
    rust("20261127000050_branches.sql", "create or replace function public.begin_generation", "648dd40cd913d773"),
    rust("20261128000010_approvals.sql", "create function private.with_sent_arguments", "2d619566f49a10b5"),
    rust("20261128000010_approvals.sql", "create function private.unknown_outcome", "69d391065af0be3b"),
    rust("20261128000010_approvals.sql", "create function private.require_outcome", "61a36c4d27aca941"),
    rust("20261128000010_approvals.sql", "create or replace function private.with_outcomes", "e673d20e93607a48"),
    rust("20261128000010_approvals.sql", "create or replace function private.outcomes", "294ad16af3ab7ba5"),
    rust("20261128000010_approvals.sql", "create or replace function private.add_tool_calls", "08ca733eb1f58d73"),
    rust("20261128000010_approvals.sql", "create or replace function private.end_calls", "9d40fea8e5927055"),
    rust("20261128000010_approvals.sql", "create or replace function private.record_outcomes", "bfcb2414f0986828"),
    rust("20261128000010_approvals.sql", "create function private.call_json", "f9b89dd53d671cc0"),
    rust("20261128000010_approvals.sql", "create function private.calls_to_run", "153acf1f1f1b988f"),
    rust("20261128000010_approvals.sql", "create function private.id_of_call", "3f0902c7e8ef3062"),
    rust("20261128000010_approvals.sql", "create function private.read_call", "e2fed336a431e456"),
    rust("20261128000010_approvals.sql", "create function public.find_tool_call", "a21a3795464da5a3"),
    rust("20261128000010_approvals.sql", "create function private.list_pending", "3ff2a03927fff9f7"),
    rust("20261128000010_approvals.sql", "create function public.pending_tool_calls", "dec2addd898368e3"),
    rust("20261128000010_approvals.sql", "create function private.record_decision", "b0c4561a1d0ccf32"),
    rust("20261128000010_approvals.sql", "create function public.decide_tool_call", "cb55e59b10944978"),
    rust("20261128000010_approvals.sql", "create function private.list_grants", "f7bdc25412ec5bc7"),
    rust("20261128000010_approvals.sql", "create function public.tool_grants", "626ecfe034f946cc"),
    rust("20261128000010_approvals.sql", "create function private.take_call", "0003d10935e0c138"),
    rust("20261128000010_approvals.sql", "create function public.claim_tool_call", "7a98dd6e528ab128"),
    rust("20261128000010_approvals.sql", "create function private.end_call", "0843ea8ddf389310"),
    rust("20261128000010_approvals.sql", "create function public.finish_tool_call", "9650f9e8fe8e5d7e"),
    rust("20261128000010_approvals.sql", "create function private.has_calls", "98d21653df0f6ee1"),
    rust("20261128000010_approvals.sql", "create function private.settle_calls", "8b5197ab45803fbf"),
    rust("20261128000010_approvals.sql", "create function private.supersede_hidden_calls", "e4e0e2a38b4cfaed"),
    rust("20261128000010_approvals.sql", "create or replace function private.end_with_saved", "df9784a858b89e47"),
    rust("20261128000010_approvals.sql", "create or replace function public.save_generation", "a1bbb20a37f1a55f"),
    rust("20261128000010_approvals.sql", "create or replace function public.continue_generation", "09e7d1fc16fcc926"),
    rust("20261128000010_approvals.sql", "create or replace function public.select_message", "7b2228b47dcf0d45"),
    rust("20261128000020_tool_functions.sql", "create function private.json_schema_of", "19448aad08369bd1"),
    rust("20261128000020_tool_functions.sql", "create function public.list_tool_functions", "2162a4347b8010c2"),
    rust("20261128000030_tool_tokens.sql", "create function private.read_tool_token", "15a785ae13f003a7"),
    rust("20261128000030_tool_tokens.sql", "create function private.store_tool_token", "d54262b8c892a07f"),
    rust("20261128000030_tool_tokens.sql", "create function private.take_tool_refresh", "e4a197ac602cbdcb"),
    rust("20261128000030_tool_tokens.sql", "create function public.tool_token", "f6fe84c81ab2a206"),
    rust("20261128000030_tool_tokens.sql", "create function public.save_tool_token", "2197e2f38947382a"),
    rust("20261128000030_tool_tokens.sql", "create function public.claim_tool_refresh", "a8f1597c4b5a2a99"),
    rust("20261128000040_plans.sql", "create function private.budgets", "3ed5523a947acb44"),
    rust("20261128000040_plans.sql", "create function public.budgets", "64cc2569586a766c"),
    rust("20261128000040_plans.sql", "create function private.reserve_run", "b4fabb6634e35f1f"),
    rust("20261128000040_plans.sql", "create or replace function private.reserve_for_answer", "d9ecc340752c9d21"),
    rust("20261128000040_plans.sql", "create function private.reserve_more", "1801ec479d8ca608"),
    rust("20261128000040_plans.sql", "create or replace function private.over_limit", "43b65ecbbdd7844f"),
    rust("20261128000040_plans.sql", "create function private.run_log", "43bf1433761df354"),
    rust("20261128000040_plans.sql", "create or replace function private.reserve_or_raise", "8881ed5a249e12c9"),
    rust("20261128000040_plans.sql", "create or replace function public.reserve_tokens", "aae7f9d8bd1a7cda"),
    rust("20261128000040_plans.sql", "create or replace function private.renew_reservation", "69176dbdfda86ab9"),
    rust("20261128000040_plans.sql", "create or replace function private.save_checkpoint", "3bd6541cdf8827ff"),
    rust("20261128000040_plans.sql", "create or replace function private.record_usage", "183d1ca98dead86d"),
    rust("20261128000040_plans.sql", "create or replace function public.usage_statistics", "6b6d059305cb9d23"),
    rust("20261128000040_plans.sql", "create or replace function public.search_chats", "533fd3e81fcb0351"),
    rust("20261128000040_plans.sql", "create or replace function public.toggle_chat", "134c7cbb2da2b3ac"),
    rust("20261128000050_account.sql", "create function private.has_account", "835e5ad6d745c5ef"),
    rust("20261128000050_account.sql", "create function private.current_account", "f0efe8a4d9985cdd"),
    rust("20261128000050_account.sql", "create policy chats_account", "7200d4e37ef2b436"),
    rust("20261128000050_account.sql", "create policy messages_account", "b9a91960a0cbe319"),
    rust("20261128000050_account.sql", "create policy usage_logs_account", "2435bdccd4164e58"),
    rust("20261128000050_account.sql", "create policy analytics_account", "5039a47754b7918a"),
    rust("20261128000050_account.sql", "create policy files_account", "abc821efe329bec6"),
    rust("20261128000050_account.sql", "create policy script_runs_account", "84020c29de10c9a4"),
    trigger(
        "20261128000050_account.sql",
        "create function private.refuse_deleted_account",
        "0197c1cc057bc74d",
        "",
        "
        select raise(abort, 'postgresql:PT401:this account was deleted')
          where exists (select 1 from \"private.deleted_accounts\" where user_id = new.user_id);",
    ),
    rust("20261128000050_account.sql", "do", "4500f1a2ff7a398d"),
    rust("20261128000050_account.sql", "create function private.require_deleted", "885739e637b42442"),
    rust("20261128000050_account.sql", "create function private.mark_deleted", "8e494fdff4b818fb"),
    rust("20261128000050_account.sql", "create function public.begin_account_deletion", "5d78533d2135b6a7"),
    rust("20261128000050_account.sql", "create function private.delete_rows", "b4f5f0c5da1ff1e7"),
    rust("20261128000050_account.sql", "create function public.delete_account_rows", "29c6855bd7c9088a"),
    rust("20261128000050_account.sql", "create function private.note_deletion", "150bf194be54640a"),
    rust("20261128000050_account.sql", "create function public.end_account_deletion", "6b636c5e87e561c2"),
    rust("20261128000050_account.sql", "create function private.claim_deletions", "92ad0684138abc12"),
    rust("20261128000050_account.sql", "create function public.claim_account_deletions", "1f3e08a42ea56a26"),
    rust("20261128000050_account.sql", "create function private.require_operator", "e1b91ed92810683d"),
    rust("20261128000050_account.sql", "create function public.usage_of_all_users", "dffdb418b1fcb8aa"),
    rust("20261129000010_made_calls.sql", "create function private.redacted", "8883c38d35ad7c04"),
    rust("20261129000010_made_calls.sql", "create or replace function private.outcomes", "379de1bbe512e50e"),
    rust("20261129000010_made_calls.sql", "create or replace function private.add_tool_calls", "b7e3d68a74d1e933"),
    rust("20261129000010_made_calls.sql", "create or replace function private.call_json", "12fa9420a7692db4"),
    rust("20261129000010_made_calls.sql", "create or replace function private.list_pending", "875216b32f9446d8"),
    rust("20261129000010_made_calls.sql", "create or replace function private.record_decision", "86ede1bf359b604e"),
    rust("20261129000010_made_calls.sql", "create function private.note_made_call", "af81a4f57053b39b"),
    rust("20261129000010_made_calls.sql", "create or replace function private.take_call", "83c0e9f364be8eba"),
    rust("20261129000010_made_calls.sql", "create function private.end_running_calls", "dbbeb227dff90698"),
    rust("20261129000010_made_calls.sql", "create or replace function private.settle_calls", "2b3b340b220f11e9"),
    rust("20261129000020_usage_days.sql", "create function private.rounded_ms", "a71c91be244e79f1"),
    rust("20261129000020_usage_days.sql", "create function private.sum_up_days", "22dbf4b658f32892"),
    rust("20261129000020_usage_days.sql", "create function private.add_to_day", "3c27437b1a2dee09"),
    // Days are not summed up here.
    trigger("20261129000020_usage_days.sql", "create function private.keep_day", "d241bb65e9ae8e74", "0", "select 1;"),
    rust("20261129000020_usage_days.sql", "create or replace function private.count_lapsed", "d064cef57248d5ff"),
    rust("20261129000020_usage_days.sql", "do", "71f9473d28feffda"),
    rust("20261129000020_usage_days.sql", "create function private.weighted_percentiles", "bc5c035dd8896d52"),
    rust("20261129000020_usage_days.sql", "create function private.time_between", "0ddd6a1c777884a6"),
    rust("20261129000020_usage_days.sql", "create or replace function public.usage_of_all_users", "eb69b10622a5b343"),
    rust("20261129000040_passages.sql", "create policy passages_account", "442d280d9d693939"),
    rust("20261129000040_passages.sql", "create policy indexed_files_account", "bf819289f4b1a653"),
    rust("20261129000040_passages.sql", "create function private.store_passages", "b92b7126024257e7"),
    rust("20261129000040_passages.sql", "create function private.passages_with", "97441a45a01f6f2f"),
    rust("20261129000040_passages.sql", "create function private.find_passages", "557f2baaf102c688"),
    rust("20261129000040_passages.sql", "create function public.save_passages", "7761d424bb0a6464"),
    rust("20261129000040_passages.sql", "create function public.search_passages", "57d53a4a60f8274e"),
    rust("20261129000040_passages.sql", "create function public.unindexed_files", "78b66645c45fef32"),
    rust("20261130000010_environment.sql", "create function private.described_views", "d2c115a7029695dc"),
    rust("20261130000010_environment.sql", "create function private.described_caller", "98cfbae2de97c90a"),
    rust("20261130000010_environment.sql", "create function public.describe_environment", "616c90fdb64321e8"),
    rust("20261130000010_environment.sql", "create function private.names_of_day", "b36694a98722d2fa"),
    rust("20261130000010_environment.sql", "create or replace function private.add_to_day", "7b75c6d4195232b3"),
    trigger("20261130000010_environment.sql", "create function private.forget_usage", "e608a8944910537b", "0", "select 1;"),
    trigger(
        "20261201000010_one_active_child.sql",
        "create or replace function private.place_message",
        "dea09c5fc269d3ce",
        "",
        PLACE_MESSAGE,
    ),
    computed("20261201000010_one_active_child.sql", "create or replace function public.sibling_ids", "3f52db4ba73c8eac", computed::SIBLINGS),
    rust("20261201000010_one_active_child.sql", "create or replace function public.select_message", "0af28f1272fed087"),
    rust("20261201000010_one_active_child.sql", "create or replace function private.replace_question", "a073df60979b7a81"),
    rust("20261201000010_one_active_child.sql", "create or replace function private.take_place", "7c9b02b1728adc86"),
    rust("20261201000010_one_active_child.sql", "create or replace function private.queue_message", "4d8b49679a26d7f9"),
    rust("20261201000010_one_active_child.sql", "create or replace function public.begin_generation", "1a75f70a83267e5a"),
    rust("20261201000020_locks.sql", "create function private.lock_lapsed_run", "f6a42b41c47416eb"),
    rust("20261201000020_locks.sql", "create or replace function private.count_lapsed", "6db06fd89c945369"),
    rust("20261201000020_locks.sql", "create or replace function private.delete_rows", "492fe634806c0951"),
    rust("20261201000020_locks.sql", "create or replace function public.search_chats", "447f1cbf458acb6c"),
    computed("20261202000010_messages.sql", "create or replace function public.sibling_ids", "6019512cfa997428", computed::SIBLINGS),
    rust("20261202000010_messages.sql", "create or replace function private.lock_run", "cfa756520952689b"),
    rust("20261202000010_messages.sql", "create or replace function private.take_place", "350f5b26d4ecf8da"),
    rust("20261202000010_messages.sql", "create or replace function private.take_from_queue", "a84ce0957ed8d69a"),
    rust("20261202000010_messages.sql", "create or replace function private.move_queue_behind", "e846cf3c00b65a8c"),
    trigger("20261202000020_touch_chat.sql", "create or replace function private.touch_chat", "bd81f0ca538d7949", "", ""),
];
