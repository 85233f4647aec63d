"""New Relic's agent round the application (``--with-newrelic-agent``)."""

import os
import sys

__all__ = ["Agent"]


class Agent:
    """The agent, initialised before the application is loaded.

    *config* and *environment* win over the environment of the process. Where
    there is no agent a line on standard error says so, and the application is
    served without.
    """

    def __init__(self, config=None, environment=None):
        self._agent = None
        for name, value in (("NEW_RELIC_CONFIG_FILE", config), ("NEW_RELIC_ENVIRONMENT", environment)):
            if value:
                os.environ[name] = value
        os.environ.setdefault("NEW_RELIC_LOG", "stderr")
        try:
            from newrelic import agent

            agent.initialize(os.environ.get("NEW_RELIC_CONFIG_FILE"), os.environ.get("NEW_RELIC_ENVIRONMENT"))
            agent.register_application()
        except Exception as error:
            print("mod_wsgi-express: New Relic's agent is not used: %s: %s" % (type(error).__name__, error), file=sys.stderr)
        else:
            self._agent = agent

    def wrap(self, application):
        return application if self._agent is None else self._agent.WSGIApplicationWrapper(application)
