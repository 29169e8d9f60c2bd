// What can be attached. The server stores each file and puts its address in the place of the data.
import {
  type AttachmentAdapter,
  CompositeAttachmentAdapter,
  SimpleImageAttachmentAdapter,
} from "@assistant-ui/react";

const toDataUrl = (file: File) =>
  new Promise<string>((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result as string);
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(file);
  });

const documents: AttachmentAdapter = {
  accept: "text/*,application/pdf,application/json",
  async add({ file }) {
    return {
      id: crypto.randomUUID(),
      type: "document",
      name: file.name,
      contentType: file.type,
      file,
      status: { type: "requires-action", reason: "composer-send" },
    };
  },
  async send(attachment) {
    const mimeType = attachment.contentType || "text/plain";
    const data = await toDataUrl(attachment.file);
    return {
      ...attachment,
      status: { type: "complete" },
      content: [{ type: "file", mimeType, filename: attachment.name, data }],
    };
  },
  async remove() {},
};

export const attachments = new CompositeAttachmentAdapter([
  new SimpleImageAttachmentAdapter(),
  documents,
]);
