import { useState } from "preact/hooks";

/** Copies a text. Browsers offer no clipboard to pages that came without TLS from another machine. */
export function CopyButton({ text, label = "Copy" }: { text: () => string | Promise<string>; label?: string }) {
  const [isCopied, setCopied] = useState(false);
  if (!navigator.clipboard) return null;
  const copy = async () => {
    await navigator.clipboard.writeText(await text());
    setCopied(true);
    setTimeout(() => setCopied(false), 1500);
  };
  return <button onClick={copy}>{isCopied ? "Copied" : label}</button>;
}
