import {
  ActionBarPrimitive,
  AttachmentPrimitive,
  BranchPickerPrimitive,
  ComposerPrimitive,
  ErrorPrimitive,
  MessagePrimitive,
  ThreadPrimitive,
  useAui,
} from "@assistant-ui/react";
import { request } from "./api";

export function Thread() {
  return (
    <ThreadPrimitive.Root className="thread">
      <ThreadPrimitive.Viewport className="viewport">
        <ThreadPrimitive.Empty>What would you like to know?</ThreadPrimitive.Empty>
        <ThreadPrimitive.Messages components={{ UserMessage, AssistantMessage, EditComposer }} />
      </ThreadPrimitive.Viewport>
      <Composer />
    </ThreadPrimitive.Root>
  );
}

function UserMessage() {
  return (
    <MessagePrimitive.Root className="message user">
      <MessagePrimitive.Attachments components={{ Attachment }} />
      <MessagePrimitive.Parts />
      <ActionBarPrimitive.Root hideWhenRunning className="actions">
        <ActionBarPrimitive.Edit>Edit</ActionBarPrimitive.Edit>
      </ActionBarPrimitive.Root>
      <BranchPicker />
    </MessagePrimitive.Root>
  );
}

function AssistantMessage() {
  return (
    <MessagePrimitive.Root className="message assistant">
      <MessagePrimitive.Parts />
      <MessagePrimitive.Error>
        <ErrorPrimitive.Root>
          <ErrorPrimitive.Message />
        </ErrorPrimitive.Root>
      </MessagePrimitive.Error>
      <ActionBarPrimitive.Root hideWhenRunning className="actions">
        <ActionBarPrimitive.Copy>Copy</ActionBarPrimitive.Copy>
        <ActionBarPrimitive.Reload>Answer again</ActionBarPrimitive.Reload>
      </ActionBarPrimitive.Root>
      <BranchPicker />
    </MessagePrimitive.Root>
  );
}

function BranchPicker() {
  return (
    <BranchPickerPrimitive.Root hideWhenSingleBranch className="branches">
      <BranchPickerPrimitive.Previous>‹</BranchPickerPrimitive.Previous>
      <BranchPickerPrimitive.Number /> / <BranchPickerPrimitive.Count />
      <BranchPickerPrimitive.Next>›</BranchPickerPrimitive.Next>
    </BranchPickerPrimitive.Root>
  );
}

function EditComposer() {
  return (
    <ComposerPrimitive.Root className="composer edit">
      <ComposerPrimitive.Input />
      <ComposerPrimitive.Cancel>Cancel</ComposerPrimitive.Cancel>
      <ComposerPrimitive.Send>Send</ComposerPrimitive.Send>
    </ComposerPrimitive.Root>
  );
}

function Composer() {
  const aui = useAui();
  // Cancelling only ends the reading: the answer would be written on.
  const stop = () => {
    const { remoteId } = aui.threadListItem().getState();
    if (remoteId) request(`/api/ai/chat/${remoteId}/stop`, "POST").catch(console.error);
  };
  return (
    <ComposerPrimitive.Root className="composer">
      <ComposerPrimitive.Attachments components={{ Attachment }} />
      <ComposerPrimitive.AddAttachment>Attach</ComposerPrimitive.AddAttachment>
      <ComposerPrimitive.Input placeholder="Write a message" autoFocus />
      <ComposerPrimitive.Cancel onClick={stop}>Stop</ComposerPrimitive.Cancel>
      <ComposerPrimitive.Send>Send</ComposerPrimitive.Send>
    </ComposerPrimitive.Root>
  );
}

function Attachment() {
  return (
    <AttachmentPrimitive.Root className="attachment">
      <AttachmentPrimitive.Name />
    </AttachmentPrimitive.Root>
  );
}
