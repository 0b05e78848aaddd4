/** Shown in place of the board when nobody has said which Convex deployment to use. */
export function Setup() {
  return (
    <div className="setup">
      <h1>Which backend?</h1>
      <p>
        <code>VITE_CONVEX_URL</code> is not set. Run <code>npm start</code> for a backend on this
        machine, or <code>npx convex dev</code> for a deployment of your own and put its URL into{" "}
        <code>.env.local</code>.
      </p>
    </div>
  );
}
