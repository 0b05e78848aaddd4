import { expect, it } from "vitest";
import { startApp } from "./harness/app.js";
import { eventually, type Board } from "./harness/board.js";

const CONTROLS = [
  "button",
  "checkbox",
  "combobox",
  "dialog",
  "menu",
  "menuitem",
  "switch",
  "textbox",
];

it("gives every control a name", async () => {
  const app = await startApp();
  const board = await (await app.device()).openTab();
  await board.seed(200);
  await board.synced();
  expect(await namelessControls(board)).toEqual([]);

  await board.page.getByTestId("task-menu").first().click();
  expect(await namelessControls(board)).toEqual([]);
  await board.page.getByTestId("task-open").click();
  await board.page.getByTestId("panel-title").waitFor();
  expect(await namelessControls(board)).toEqual([]);
  await board.closePanel();
  await board.page.getByTestId("board-menu").click();
  expect(await namelessControls(board)).toEqual([]);
});

it("can be used with the keyboard alone", async () => {
  const app = await startApp();
  const board = await (await app.device()).openTab();
  const { keyboard } = board.page;
  await board.add("Learn to juggle");
  await board.page.keyboard.press("Tab");
  await board.page.keyboard.press("Tab");
  await keyboard.press("Shift+ArrowRight");
  await board.column("doing").getByText("Learn to juggle").waitFor();

  await keyboard.press("Enter");
  await keyboard.type("Learn to whistle");
  await keyboard.press("Enter");
  await board.task("Learn to whistle").waitFor();

  await keyboard.press("/");
  await keyboard.type("nothing like it");
  await board.task("Learn to whistle").waitFor({ state: "detached" });
  await keyboard.press("Escape");
  await board.task("Learn to whistle").waitFor();
  await board.synced();
  await eventually(async () =>
    expect(await app.rows()).toMatchObject([{ title: "Learn to whistle", status: "doing" }]),
  );
});

/** As the browser tells them to a screen reader. */
async function namelessControls({ page }: Board): Promise<string[]> {
  const session = await page.context().newCDPSession(page);
  const { nodes } = await session.send("Accessibility.getFullAXTree");
  return nodes
    .filter(({ ignored, role }) => !ignored && CONTROLS.includes(String(role?.value)))
    .filter(({ name }) => !name?.value)
    .map(({ role, nodeId }) => `${role?.value} ${nodeId}`);
}
