package matrix

import "slices"

// Cases are all cases of the product as it is, in the order they run.
func Cases() []Case {
	return slices.Concat(
		requestCases(), environCases(), bodyCases(), uploadCases(), routingCases(),
		responseCases(), outputCases(), filewrapCases(),
		failingCases(), scriptCases(), loggingCases(), apiCases(), telemetryCases(),
		gatewayCases(), interpreterCases(), hammerCases(), processCases(), settingsCases(), scriptLifeCases(), limitCases(), identityCases(), endingCases(), restartCases(), faultCases(), deployCases(), metricsCases(), healthCases(), replaceCases(), lastingCases(), nestedCases(), brokenCases(), sendfileCases(), downloadCases(), frameworkCases(), proxyCases(), directiveCases(), contextCases(), locateCases(), tokenCases(), handlerCases(), authCases(), dispatchCases(),
	)
}
