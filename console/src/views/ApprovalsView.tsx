import { useLoaded } from "../loading";
import { chatAddress } from "../route";
import { useServices } from "../services";
import { Problem } from "./Problem";

/** The calls that wait for the person's decision, in all chats. */
export function ApprovalsView() {
  const { client } = useServices();
  const approvals = useLoaded(() => client.answers.approvals(), [client]);
  return (
    <section class="view" aria-label="What waits for you">
      <h1>What waits for you</h1>
      <p>Tools that were not run yet, because you are to be asked. Open the chat to decide.</p>
      <Problem error={approvals.error} retry={approvals.reload} />
      {approvals.value?.length === 0 && <p>Nothing.</p>}
      <ul>
        {approvals.value?.map((approval) => (
          <li key={approval.approval_id}>
            <a href={chatAddress(approval.chat_id)}>{approval.title ?? approval.tool}</a>
            {" "}until {new Date(approval.expires_at).toLocaleString()}
            <pre tabIndex={0}>{JSON.stringify(approval.arguments, null, 2)}</pre>
          </li>
        ))}
      </ul>
    </section>
  );
}
