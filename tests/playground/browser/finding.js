/* The page gets a finding of the doctor's, whether or not there is a doctor. */
() => import("./state.js").then(({ connection, store, tellAll }) => {
  const ask = connection.ask.bind(connection);
  const finding = {
    name: "dead", severity: "warning", title: "3 units of 4 are silent", message: "Their output is 0.", advice: "Lower the rate.",
    remedy: "GradientDescent(0.01)", meaning: "A unit that is 0 everywhere learns nothing.", epoch: 12,
  };
  const answer = Promise.resolve({ findings: [finding], message: "" });
  connection.ask = (type, fields) => (type === "diagnose" ? answer : ask(type, fields));
  tellAll("frame", { ...store.frame, findings_changed: true });
})
