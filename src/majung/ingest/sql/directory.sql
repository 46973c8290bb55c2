-- name: apps
SELECT id, root_id, path_token, admin_key_sealed FROM channels_kakaoapp WHERE length(admin_key_sealed) > 0;

-- name: channels
SELECT id, kakao_app_id, profile_id, search_id FROM channels_channel WHERE kakao_app_id IS NOT NULL;

-- name: accounts
SELECT report_token, id, adapter FROM channels_dealeraccount WHERE state <> 'closed';
