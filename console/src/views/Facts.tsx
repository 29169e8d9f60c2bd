import type { Shown } from "../conversation";
import { cost, count } from "../format";

/** What an answer took: its model, tokens and cost. */
export function Facts({ message }: { message: Shown }) {
  const { model, usage, cost_usd } = message;
  if (!usage) return <span class="facts">{model}</span>;
  const { input_tokens, output_tokens, cached_input_tokens, reasoning_tokens } = usage;
  const details = [`${count(cached_input_tokens)} cached`, `${count(reasoning_tokens)} for reasoning`];
  return (
    <span class="facts" title={details.join(", ")}>
      {model} · {count(input_tokens)} in, {count(output_tokens)} out · {cost(cost_usd ?? null)}
    </span>
  );
}
