"""What the generated handler.wsgi serves: an application and its tools.

A handler script is made of this::

    application = Handler("script", "/srv/app.wsgi", "application", "/", monitor=True)
    handle_request = application.handle_request
    reload_required = application.reload_required

From inside out: the application, New Relic's agent, profiler and coverage, the
debugger, the recorder. What is not asked for is not imported.
"""

from .loader import Loader

__all__ = ["Handler"]


class Handler(Loader):
    """A Loader with the tools that the options of the server name.

    *debug* is debug mode, where nothing is loaded again. *monitor* restarts the
    process when a file changes. *debugger* stops at exceptions, and with
    *debugger_startup* once after loading. *coverage*, *profiler* and
    *recorder* are the folders for what they find. *newrelic* loads the agent,
    with *newrelic_config* and *newrelic_environment* if they are not empty.
    """

    def __init__(
        self,
        kind,
        entry_point,
        callable_name="application",
        mount_point="/",
        *,
        debug=False,
        monitor=False,
        debugger=False,
        debugger_startup=False,
        coverage=None,
        profiler=None,
        recorder=None,
        newrelic=False,
        newrelic_config=None,
        newrelic_environment=None
    ):
        self._debug = debug
        wrappers = []
        if monitor and not debug:
            from . import monitor as files

            files.start()
        if newrelic:
            from .newrelic import Agent

            wrappers.append(Agent(newrelic_config, newrelic_environment).wrap)
        if coverage:
            from .coverage import Coverage

            wrappers.append(Coverage(coverage).wrap)
        if profiler:
            from .profiler import Profiler

            wrappers.append(Profiler(profiler).wrap)
        if debugger:
            from .debugger import Debugger

            wrappers.append(lambda application: Debugger(application, startup=debugger_startup))
        if recorder:
            from .recorder import Recorder

            wrappers.append(lambda application: Recorder(application, recorder))

        try:
            super().__init__(kind, entry_point, callable_name, mount_point)
        except BaseException as error:
            if monitor and not debug:
                files.track_failure(error, entry_point)
            raise
        if monitor and not debug:
            files.loaded()
        for wrap in wrappers:
            self.application = wrap(self.application)

    def reload_required(self, resource=None):
        """As of Loader; never in debug mode."""
        return not self._debug and super().reload_required(resource)
