import { render } from "preact";
import { App } from "./app/app";
import { startClock } from "./app/clock";
import { startRouter } from "./app/router";
import "./styles/theme.css";
import "./styles/base.css";
import "./styles/shell.css";
import "./styles/parts.css";
import "./styles/tables.css";
import "./styles/charts.css";
import "./styles/views.css";

startRouter();
startClock();
const page = document.getElementById("page");
if (page) render(<App />, page);
