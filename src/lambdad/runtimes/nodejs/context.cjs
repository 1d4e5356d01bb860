// The context object: the second argument of most handlers.

'use strict';

/** Makes the contexts of one environment, whose share of them it reads once. */
function contextBuilder(variables) {
  const ofEnvironment = {
    functionVersion: variables.AWS_LAMBDA_FUNCTION_VERSION,
    functionName: variables.AWS_LAMBDA_FUNCTION_NAME,
    memoryLimitInMB: variables.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: variables.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: variables.AWS_LAMBDA_LOG_STREAM_NAME,
  };
  return (request) => ({
    callbackWaitsForEmptyEventLoop: true,
    ...ofEnvironment,
    clientContext: parse(request.clientContext),
    identity: parse(request.cognitoIdentity),
    invokedFunctionArn: request.invokedFunctionArn,
    awsRequestId: request.invokeId,
    tenantId: request.tenantId,
    getRemainingTimeInMillis: () => request.deadlineMs - Date.now(),
  });
}

function parse(json) {
  return json ? JSON.parse(json) : undefined;
}

module.exports = { contextBuilder };
