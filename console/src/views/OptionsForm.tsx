import type { Model } from "@chat-backend/client";
import type { Options } from "../conversation";
import type { Loaded } from "../loading";
import { Problem } from "./Problem";

const EFFORTS = ["none", "minimal", "low", "medium", "high", "xhigh", "max"] as const;
const TOOLS = { run_script: "Run scripts", files: "Read and write files", search_files: "Search in files" };

interface Props {
  models: Loaded<Model[]>;
  /** The model that the chat prefers. */
  chatModel: string | null | undefined;
  options: Options;
  onChange(options: Options): void;
}

/** The model with its price, and what else an answer may need. */
export function OptionsForm({ models, chatModel, options, onChange }: Props) {
  const all = models.value ?? [];
  const chosen = options.model ?? chatModel ?? all.find((model) => model.is_default)?.id;
  const providers = Object.entries(Object.groupBy(all, (model) => model.provider));
  const { reasoning_effort: _, ...withoutEffort } = options;
  const tools = options.tools ?? [];
  const setTool = (name: string, isOn: boolean) =>
    onChange({ ...options, tools: isOn ? [...tools, name] : tools.filter((other) => other !== name) });

  return (
    <>
      <Problem error={models.error} retry={models.reload} />
      <select
        class="model" aria-label="Model" value={chosen}
        onChange={(event) => onChange({ ...options, model: event.currentTarget.value })}
      >
        {providers.map(([provider, models]) => (
          <optgroup key={provider} label={provider}>
            {models?.map((model) => (
              <option key={model.id} value={model.id} disabled={!model.available}>{label(model)}</option>
            ))}
          </optgroup>
        ))}
      </select>
      <details class="options">
        <summary>Options</summary>
        <fieldset>
          <legend>Tools that the model may use</legend>
          {Object.entries(TOOLS).map(([name, title]) => (
            <label key={name}>
              <input
                type="checkbox" checked={tools.includes(name)}
                onChange={(event) => setTool(name, event.currentTarget.checked)}
              /> {title}
            </label>
          ))}
        </fieldset>
        <label>
          Reasoning{" "}
          <select
            value={options.reasoning_effort ?? ""}
            onChange={({ currentTarget: { value } }) => {
              const effort = EFFORTS.find((effort) => effort === value);
              onChange(effort ? { ...options, reasoning_effort: effort } : withoutEffort);
            }}
          >
            <option value="">as the model likes</option>
            {EFFORTS.map((effort) => <option key={effort}>{effort}</option>)}
          </select>
        </label>
      </details>
    </>
  );
}

/** The name of a model, and what a million tokens cost. */
function label({ name, pricing, available }: Model): string {
  if (!available) return `${name} (no key)`;
  if (!pricing) return name;
  return `${name}: $${pricing.input_usd_per_mtok} in, $${pricing.output_usd_per_mtok} out per M tokens`;
}
