//! Streams, as the API's document shows them.

/// An answer in the AI SDK's protocol.
pub(super) const AI_SDK: &str = "\
data: {\"type\":\"start\",\"messageId\":\"0199f0c2-7c1e-7d53-b3ac-4a2c5a1f0e6b\"}\n\n\
data: {\"type\":\"start-step\"}\n\n\
data: {\"type\":\"text-start\",\"id\":\"1\"}\n\n\
data: {\"type\":\"text-delta\",\"id\":\"1\",\"delta\":\"Hello!\"}\n\n\
data: {\"type\":\"text-end\",\"id\":\"1\"}\n\n\
data: {\"type\":\"finish-step\"}\n\n\
data: {\"type\":\"finish\"}\n\n\
data: [DONE]\n\n";

/// A streamed completion.
pub(super) const OPENAI: &str = "\
data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1790000000,\
\"model\":\"demo\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\
\"finish_reason\":null}]}\n\n\
data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1790000000,\
\"model\":\"demo\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hello!\"},\
\"finish_reason\":null}]}\n\n\
data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1790000000,\
\"model\":\"demo\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n\
data: [DONE]\n\n";

/// A streamed response.
pub(super) const RESPONSES: &str = "\
event: response.output_text.delta\n\
data: {\"type\":\"response.output_text.delta\",\"sequence_number\":4,\"item_id\":\"msg_1\",\
\"output_index\":0,\"content_index\":0,\"delta\":\"Hello!\"}\n\n\
event: response.completed\n\
data: {\"type\":\"response.completed\",\"sequence_number\":8,\"response\":{}}\n\n";

/// A run.
pub(super) const AG_UI: &str = "\
data: {\"type\":\"RUN_STARTED\",\"threadId\":\"chat-1\",\"runId\":\"run-1\"}\n\n\
data: {\"type\":\"TEXT_MESSAGE_START\",\"messageId\":\"m1\",\"role\":\"assistant\"}\n\n\
data: {\"type\":\"TEXT_MESSAGE_CONTENT\",\"messageId\":\"m1\",\"delta\":\"Hello!\"}\n\n\
data: {\"type\":\"TEXT_MESSAGE_END\",\"messageId\":\"m1\"}\n\n\
data: {\"type\":\"RUN_FINISHED\",\"threadId\":\"chat-1\",\"runId\":\"run-1\",\
\"outcome\":{\"type\":\"success\"}}\n\n";
