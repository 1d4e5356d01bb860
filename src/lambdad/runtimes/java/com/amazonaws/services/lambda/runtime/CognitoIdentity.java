package com.amazonaws.services.lambda.runtime;

/** The Amazon Cognito identity that called the function. */
public interface CognitoIdentity {
    String getIdentityId();

    String getIdentityPoolId();
}
